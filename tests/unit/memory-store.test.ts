/** What is the memory store's own, beside the contract that it shares. */
import { describe, expect, jest, test } from '@jest/globals';
import { MemoryStore, type MemoryStoreOptions } from '../../presence-core/memory/memory-store.ts';
import { PRESENCE_ONLY } from '../../presence-core/session.ts';

function fixture(options: MemoryStoreOptions = {}) {
  const time = { now: 1_750_000_000_000 };
  const store = new MemoryStore({ ...options, clock: () => time.now });
  const open = (userId: string, leaseMs = 60_000) =>
    store.sessions.open({ userId, sessionId: 's', attributes: {}, owner: 'heartbeat', leaseMs, intent: 'fresh' });
  return { store, time, open };
}

describe('the memory store', () => {
  test('[P11] gap begins exactly where the ring was overwritten', async () => {
    const { store, open } = fixture({ logMax: 10 });
    const cursors = [await store.log.tail()];
    for (let i = 1; i <= 25; i += 1) {
      await open(`u${i}`);
      cursors.push(await store.log.tail());
    }
    for (const [sequence, cursor] of cursors.entries()) {
      const page = await store.log.read(cursor, 100, 0);
      expect(page.gap).toBe(sequence < 15);
      const first = Math.max(16, sequence + 1);
      expect(page.changes.map((change) => change.sequence)).toEqual(
        Array.from({ length: 26 - first }, (_, i) => first + i),
      );
    }
  });

  test('[P11] a cursor of another store is a gap, and so is one from the future', async () => {
    const { store, open } = fixture();
    await open('u');
    expect(await store.log.read(await fixture().store.log.tail(), 10, 0)).toMatchObject({
      gap: true,
      changes: [{ userId: 'u' }],
    });
    const future = (await store.log.tail()).replace(/1$/, '2');
    expect(await store.log.read(future, 10, 0)).toMatchObject({ gap: true });
    expect(await store.log.upholds(future)).toBe(false);
  });

  test('[P11] all waiting readers are answered by one change, and when the store stops', async () => {
    const { store, open } = fixture();
    const tail = await store.log.tail();
    const waiting = [store.log.read(tail, 10, 60_000), store.log.read(tail, 10, 60_000)];
    await open('u');
    for (const page of await Promise.all(waiting)) expect(page.changes).toHaveLength(1);
    const stopped = store.log.read(await store.log.tail(), 10, 60_000);
    await store.stop();
    expect(await stopped).toMatchObject({ changes: [{ kind: 'close', userId: 'u' }], gap: false });
    const nobody = store.log.read(await store.log.tail(), 10, 60_000);
    await store.stop();
    expect(await nobody).toMatchObject({ changes: [], gap: false });
  });

  test('[P9] [P17] what is live when the store stops is closed then, and none of it is trimmed away unread', async () => {
    const { store, time, open } = fixture({ logMax: 10 });
    const group = store.groups.join('g');
    for (let i = 1; i <= 25; i += 1) await open(`early${i}`);
    await open('expired', 1_000);
    await store.nodes.join('n', 60_000);
    const owner = { nodeId: 'n', connection: 1 };
    const request = { userId: 'u', attributes: {}, leaseMs: 60_000, intent: 'fresh' as const };
    await store.sessions.open({ ...request, sessionId: 'socket', owner });
    await store.sessions.open({ ...request, sessionId: 'detached', owner });
    await store.sessions.detach([{ userId: 'u', sessionId: 'detached', owner }], 10_000);
    await store.sessions.open({ ...request, sessionId: PRESENCE_ONLY, owner: 'presence' });
    const before = await store.log.tail();
    time.now += 5_000;
    await store.stop();
    const { changes } = await store.log.read(before, 100, 0);
    const ends = changes.filter((change) => change.userId === 'u' || change.userId === 'expired');
    expect(ends.map(({ sessionId, reason, at }) => [sessionId, reason, at - time.now]).sort()).toEqual([
      ['*', 'node_lost', 0],
      ['detached', 'node_lost', 0],
      ['s', 'timeout', -4_000],
      ['socket', 'node_lost', 0],
    ]);
    expect(changes).toHaveLength(29);
    expect(ends.filter((change) => change.transition === 'offline')).toHaveLength(2);
    expect(await store.reads.counts([{ by: 'total' }])).toEqual([{ users: 0, sessions: 0 }]);

    const taken = await group.take(100, 0);
    expect(taken.lost).toBe(0);
    expect(taken.changes.slice(-29)).toEqual(changes);
    expect(taken.changes.map((change) => change.sequence)).toEqual(Array.from({ length: 39 }, (_, i) => i + 20));
    await group.acknowledge(taken);
    await store.stop();
    expect(await group.take(100, 0)).toMatchObject({ changes: [], lost: 0, backlog: 0 });
  });

  test('[P9] a store with no node left is not silent: its leases end', async () => {
    const { store, time, open } = fixture();
    await store.nodes.join('n', 10_000);
    await store.nodes.quit('n');
    await open('u', 30_000);
    time.now += 30_001;
    expect(await store.nodes.sweep()).toMatchObject({ ended: 1 });
  });

  test('[P9] a silence is answered once: a store that nobody beats still ends what it holds', async () => {
    const { store, time, open } = fixture({ stallGraceMs: 30_000 });
    await store.nodes.join('n', 10_000);
    await open('u', 20_000);
    time.now += 60_000;
    expect(await store.nodes.sweep()).toMatchObject({ ended: 0 });
    time.now += 30_000;
    expect(await store.nodes.sweep()).toMatchObject({ ended: 1 });
  });

  test('[P9] a node that is revived while a sweep ends what others held keeps its sessions', async () => {
    const { store, time } = fixture();
    await store.nodes.join('lost', 10_000);
    await store.nodes.join('back', 10_000);
    const request = { sessionId: 's', attributes: {}, leaseMs: 600_000, intent: 'fresh' as const };
    for (let i = 0; i < 30_000; i += 1) {
      await store.sessions.open({ ...request, userId: `u${i}`, owner: { nodeId: 'lost', connection: i } });
    }
    await store.sessions.open({ ...request, userId: 'kept', owner: { nodeId: 'back', connection: 1 } });
    time.now += 20_000;
    await store.nodes.join('new', 10_000);
    const sweep = store.nodes.sweep();
    await new Promise((resolve) => setImmediate(resolve));
    expect(await store.nodes.beat('back', 10_000)).toMatchObject({ outcome: 'alive' });
    expect(await sweep).toMatchObject({ ended: 30_000 });
    expect(await store.nodes.beat('back', 10_000)).toMatchObject({ outcome: 'alive' });
    expect(await store.reads.status(['kept'])).toMatchObject([{ online: true }]);
  });

  test('[P14] a large sweep lets others in between, and a second one asked for meanwhile is the same', async () => {
    const { store, time, open } = fixture();
    for (let i = 0; i < 30_000; i += 1) await open(`u${i}`, 1000);
    time.now += 1001;
    const sweep = store.nodes.sweep();
    const again = store.nodes.sweep();
    let turns = 0;
    let ended = 0;
    void sweep.then((result) => {
      ended = result.ended;
    });
    while (ended === 0) {
      await new Promise((resolve) => setImmediate(resolve));
      turns += 1;
    }
    expect(turns).toBeGreaterThan(2);
    expect(await again).toEqual({ ended: 30_000, lagMs: 1, corrected: 0, mendedUserIds: [] });
    expect(await store.nodes.sweep()).toEqual({ ended: 0, lagMs: 0, corrected: 0, mendedUserIds: [] });
  });

  test('[P14] users who were seen long ago are forgotten in slices, and so are all sessions when the store stops', async () => {
    const { store, time, open } = fixture({ seenTtlMs: 10_000, seenMax: 100_000, logMax: 100 });
    const turnsOf = async (work: Promise<unknown>): Promise<number> => {
      let [turns, isDone] = [0, false];
      void work.then(() => {
        isDone = true;
      });
      for (; !isDone; turns += 1) await new Promise((resolve) => setImmediate(resolve));
      return turns;
    };
    for (let i = 0; i < 60_000; i += 1) await open(`u${i}`, 1_000);
    time.now += 1_001;
    await store.nodes.sweep();
    expect((await store.reads.status(['u1']))[0]?.lastSeenAt).not.toBeNull();
    time.now += 10_000;
    const slice = jest.spyOn(performance, 'now');
    let at = 0;
    // Each look at the clock is one millisecond later.
    slice.mockImplementation(() => {
      at += 1;
      return at;
    });
    try {
      expect(await turnsOf(store.nodes.sweep())).toBeGreaterThan(100);
      for (let i = 0; i < 10_000; i += 1) await open(`v${i}`);
      expect(await turnsOf(store.stop())).toBeGreaterThan(20);
    } finally {
      slice.mockRestore();
    }
    expect((await store.reads.status(['u1']))[0]?.lastSeenAt).toBeNull();
    expect(await store.reads.counts([{ by: 'total' }])).toEqual([{ users: 0, sessions: 0 }]);
  });

  test('[P5] a shard keeps at most 10,000 tombstones, the ones that end first go first', async () => {
    const { store, open } = fixture();
    for (let i = 0; i <= 10_000; i += 1) {
      await open(`u${i}`);
      await store.sessions.kick(`u${i}`);
    }
    const close = (userId: string) => store.sessions.close({ userId, sessionId: 's', reason: 'left' });
    expect(await close('u0')).toEqual({ outcome: 'gone' });
    expect(await close('u1')).toEqual({ outcome: 'ended', reason: 'kicked' });
    expect(await close('u10000')).toEqual({ outcome: 'ended', reason: 'kicked' });
  });
});
