/** The node towards a store whose answers the test gives by hand. */
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import type { HeldPlayer, ReopenIntent } from '../../gateway/node/held-player.ts';
import { GatewayNode } from '../../gateway/node/node.ts';
import {
  type BeatResult,
  type Displaced,
  MemoryStore,
  type SocketOwner,
  StoreError,
} from '../../presence-core/index.ts';
import { until } from '../support/servers.ts';

const log = { warn: () => {} };
const TIMES = { beatMs: 10, leaseMs: 10_000, sweepMs: 1_000, sessionLeaseMs: 600_000, resumeGraceMs: 1_000 };

test('[P9] a join whose answer is lost is repeated, and then its sessions are opened again and its inbox is read', async () => {
  const store = new MemoryStore();
  const { join, beat } = store.nodes;
  const node = new GatewayNode({ store, log, ...TIMES });
  await node.start();
  const former = node.nodeId;
  const reopened: [ReopenIntent | undefined, string][] = [];
  let lost: ReopenIntent | undefined;
  const player: HeldPlayer = {
    connection: 1,
    session: { userId: 'u', sessionId: 's' },
    owner: node.owner(1),
    get isDue() {
      return lost !== undefined;
    },
    isUnchecked: false,
    renewSlot: 0,
    lost: (intent) => {
      lost = intent;
      node.reopen(player);
    },
    reopen: async () => {
      reopened.push([lost, node.nodeId]);
      lost = undefined;
    },
    redated: () => {},
    missed: () => {},
    displaced: () => {},
  };
  node.track(player);
  const listening: string[] = [];
  store.inbox.listen = (nodeId) => void listening.push(nodeId);
  let isLost = false;
  store.nodes.join = async (nodeId, leaseMs) => {
    const result = await join.call(store.nodes, nodeId, leaseMs);
    if (isLost) return result;
    isLost = true;
    throw new StoreError('store_unavailable', 'no answer in time');
  };
  store.nodes.beat = async (nodeId, leaseMs) => {
    const result = await beat.call(store.nodes, nodeId, leaseMs);
    return nodeId === former ? { ...result, outcome: 'fenced' } : result;
  };
  try {
    await until(() => reopened.length > 0);
    expect(node.nodeId).not.toBe(former);
    expect(reopened).toEqual([['resume', node.nodeId]]);
    expect(listening).toEqual([node.nodeId]);
    await sleep(50);
    expect(reopened).toHaveLength(1);
  } finally {
    await node.stop();
  }
});

test('[P9] a former id is not kept alive when giving it up had no answer', async () => {
  const store = new MemoryStore();
  const { beat, quit } = store.nodes;
  const node = new GatewayNode({ store, log, ...TIMES });
  await node.start();
  const former = node.nodeId;
  let isFenced = false;
  store.nodes.beat = async (nodeId, leaseMs) => {
    const result = await beat.call(store.nodes, nodeId, leaseMs);
    if (nodeId !== former || isFenced) return result;
    isFenced = true;
    return { ...result, outcome: 'fenced' };
  };
  const quits: string[] = [];
  store.nodes.quit = async (nodeId) => {
    quits.push(nodeId);
    if (quits.length === 1) throw new StoreError('store_unavailable', 'no answer in time');
    await quit.call(store.nodes, nodeId);
  };
  try {
    await until(() => quits.length === 2);
    expect(quits).toEqual([former, former]);
    const owner = { nodeId: former, connection: 1 };
    const open = { userId: 'u', sessionId: 's', attributes: {}, owner, leaseMs: 60_000, intent: 'fresh' } as const;
    expect(await store.sessions.open(open)).toEqual({ outcome: 'fenced' });
  } finally {
    await node.stop();
  }
});

/** A player that the node keeps; `events` are what the node told it, in order. */
type Tracked = ReturnType<typeof trackedPlayer>;

function trackedPlayer(node: GatewayNode, connection: number) {
  const events: string[] = [];
  const player: HeldPlayer & { isDue: boolean } = {
    connection,
    session: { userId: 'u', sessionId: `s${connection}` },
    owner: node.owner(connection),
    isDue: false,
    isUnchecked: false,
    renewSlot: 0,
    lost: (intent) => {
      events.push(`lost ${intent}`);
      player.isDue = true;
      node.reopen(player);
    },
    reopen: async () => {
      events.push('turn');
    },
    redated: (byMs) => void events.push(`redated ${byMs}`),
    missed: (_owner, miss) => void events.push(`missed ${miss.outcome}`),
    displaced: (reason) => void events.push(`told ${reason}`),
  };
  node.track(player);
  return { player, events };
}

function displacedOf(sessionId: string, owner: SocketOwner): Displaced {
  const session = { userId: 'u', sessionId, via: 'socket', startedAt: 1_000, expiresAt: 9_000 } as const;
  return { session, owner, reason: 'evicted' };
}

test('[P4] who came before the store told its clock is dated anew, once', async () => {
  const store = new MemoryStore({ clock: () => 5_000_000 });
  const node = new GatewayNode({ store, log, ...TIMES });
  const { events } = trackedPlayer(node, 1);
  const [datedAt, dated] = [performance.now(), node.storeNow()];
  await node.start();
  try {
    expect(events).toHaveLength(1);
    const [, byMs] = (events[0] as string).split(' ');
    const early = 5_000_000 - (dated + Number(byMs));
    expect(Math.abs(early)).toBeLessThanOrEqual(performance.now() - datedAt + 1);
    await node.check();
    expect(events).toHaveLength(1);
  } finally {
    await node.stop();
  }
});

test('[P5] own sockets are notified at once, and of their session only; those of others by their inbox', () => {
  const store = new MemoryStore();
  const elsewhere: (readonly Displaced[])[] = [];
  store.inbox.notify = async (displaced) => void elsewhere.push(displaced);
  const node = new GatewayNode({ store, log, ...TIMES });
  const { events } = trackedPlayer(node, 1);
  const other = displacedOf('s1', { nodeId: 'other', connection: 1 });
  node.notify([displacedOf('former', node.owner(1)), displacedOf('s2', node.owner(2)), other]);
  expect(events).toEqual([]);
  node.notify([displacedOf('s1', node.owner(1))]);
  expect(events).toEqual(['told evicted']);
  expect(elsewhere).toEqual([[other], []]);
});

test('[P10] a node says that it is done under all ids that it had when the store forgot', async () => {
  const store = new MemoryStore();
  const node = new GatewayNode({ store, log, ...TIMES, beatMs: 60_000 });
  await node.start();
  const first = node.nodeId;
  const { player } = trackedPlayer(node, 1);
  const { beat } = store.nodes;
  const said: (readonly string[])[] = [];
  store.nodes.confirmRestored = async (nodeIds) => {
    said.push(nodeIds);
    return { nodeIds, returnsUntil: 0 };
  };
  try {
    // Its session is not opened again yet when the store forgets.
    store.nodes.beat = async (...asked) => ({ ...(await beat.call(store.nodes, ...asked)), outcome: 'fenced' });
    await node.check();
    const second = node.nodeId;
    store.nodes.beat = beat;
    forgetFor(node, store);
    const forgotten = store.nodes.beat;
    store.nodes.beat = async (...asked) => ({ ...(await forgotten(...asked)), epoch: 'another' });
    await node.check();
    player.isDue = false;
    await until(() => said.length > 0);
    expect([...(said[0] ?? [])].sort()).toEqual([first, second, node.nodeId].sort());
  } finally {
    await node.stop();
  }
});

test('[P9] a former id is beaten as long as one of its sessions is to be opened again, and then given up', async () => {
  const store = new MemoryStore();
  const { beat, quit } = store.nodes;
  const node = new GatewayNode({ store, log, ...TIMES });
  await node.start();
  const former = node.nodeId;
  const { player, events } = trackedPlayer(node, 1);
  let beatsOfFormer = 0;
  let isFenced = false;
  store.nodes.beat = async (nodeId, leaseMs) => {
    const result = await beat.call(store.nodes, nodeId, leaseMs);
    if (nodeId === former && isFenced) beatsOfFormer += 1;
    if (nodeId !== former || isFenced) return result;
    isFenced = true;
    return { ...result, outcome: 'fenced' };
  };
  const quits: string[] = [];
  store.nodes.quit = async (nodeId) => {
    quits.push(nodeId);
    await quit.call(store.nodes, nodeId);
  };
  try {
    await until(() => events.includes('turn') && beatsOfFormer > 2);
    expect(events[0]).toBe('lost resume');
    expect(quits).toEqual([]);
    // Its sockets are still this process', which needs no inbox for them.
    store.inbox.notify = async () => {};
    node.notify([displacedOf('s1', { nodeId: former, connection: 1 })]);
    expect(events).toContain('told evicted');
    player.isDue = false;
    await until(() => quits.length === 1);
    expect(quits).toEqual([former]);
  } finally {
    await node.stop();
  }
});

test('[P10] after an outage all leases are renewed at once, and what is missing is told', async () => {
  const store = new MemoryStore();
  const { beat } = store.nodes;
  // Far beyond the test, so that none is due for renewal by itself.
  const node = new GatewayNode({ store, log, ...TIMES, sessionLeaseMs: 60_000_000 });
  await node.start();
  const { events } = trackedPlayer(node, 1);
  let failures = 0;
  store.nodes.beat = async (nodeId, leaseMs) => {
    failures += 1;
    if (failures <= 3) throw new StoreError('store_unavailable', 'no answer in time');
    return beat.call(store.nodes, nodeId, leaseMs);
  };
  try {
    // The store never had its session.
    await until(() => events.length > 0);
    expect(events).toEqual(['missed gone']);
  } finally {
    await node.stop();
  }
});

test('[P10] nobody gets a turn while the store does not answer, or does not know the node', async () => {
  const store = new MemoryStore();
  const { beat, join } = store.nodes;
  const node = new GatewayNode({ store, log, ...TIMES });
  await node.start();
  const { events } = trackedPlayer(node, 1);
  let isAway = true;
  store.nodes.join = async (nodeId, leaseMs) => {
    if (isAway) throw new StoreError('store_unavailable', 'no answer in time');
    return join.call(store.nodes, nodeId, leaseMs);
  };
  store.nodes.beat = async (nodeId, leaseMs) => ({
    ...(await beat.call(store.nodes, nodeId, leaseMs)),
    ...(isAway && { outcome: 'fenced' }),
  });
  try {
    await until(() => events.includes('lost resume'));
    // Longer than the pause before the first turn.
    await sleep(700);
    expect(events).toEqual(['lost resume']);
    isAway = false;
    await until(() => events.includes('turn'));
  } finally {
    await node.stop();
  }
});

test('[P9] a process sweeps as it starts: what ended while none ran is not live for another interval', async () => {
  const store = new MemoryStore();
  let sweeps = 0;
  store.nodes.sweep = async () => {
    sweeps += 1;
    throw new StoreError('store_unavailable', 'no answer in time');
  };
  const node = new GatewayNode({ store, log, ...TIMES, sweepMs: 60_000 });
  await node.start();
  expect(sweeps).toBe(1);
  await node.stop();
});

test('[P9] a player that is gone before its turn does not keep a former id', async () => {
  const store = new MemoryStore();
  const { beat, quit } = store.nodes;
  const node = new GatewayNode({ store, log, ...TIMES });
  await node.start();
  const former = node.nodeId;
  const { player, events } = trackedPlayer(node, 1);
  const quits: string[] = [];
  store.nodes.quit = async (nodeId) => {
    quits.push(nodeId);
    await quit.call(store.nodes, nodeId);
  };
  store.nodes.beat = async (nodeId, leaseMs) => {
    const result = await beat.call(store.nodes, nodeId, leaseMs);
    return nodeId === former ? { ...result, outcome: 'fenced' } : result;
  };
  try {
    await node.check();
    node.untrack(player);
    await until(() => quits.length > 0);
    expect(quits).toEqual([former]);
    expect(events).toEqual(['lost resume']);
  } finally {
    await node.stop();
  }
});

test('[P10] a check that has an answer tells whether the store forgot; then its sessions are to be restored', async () => {
  const store = new MemoryStore();
  const { beat } = store.nodes;
  const node = new GatewayNode({ store, log, ...TIMES, beatMs: 60_000 });
  await node.start();
  const { events } = trackedPlayer(node, 1);
  try {
    node.suspect();
    store.nodes.beat = async () => {
      throw new StoreError('store_unavailable', 'no answer in time');
    };
    await node.check();
    expect([node.isSuspect, node.isRestoring, events]).toEqual([true, false, []]);
    store.nodes.beat = beat;
    forgetFor(node, store);
    await node.check();
    expect([node.isSuspect, node.isRestoring, events[0]]).toEqual([false, true, 'lost restore']);
  } finally {
    await node.stop();
  }
});

test('[P10] a node says that it is done once its own sessions are open again, and waits for who lived before', async () => {
  const store = new MemoryStore();
  const node = new GatewayNode({ store, log, ...TIMES });
  await node.start();
  const former = node.nodeId;
  const { player } = trackedPlayer(node, 1);
  await store.nodes.join('other', TIMES.leaseMs);
  const said: (readonly string[])[] = [];
  let done: string[] = [former];
  store.nodes.confirmRestored = async (nodeIds, epoch) => {
    said.push([...nodeIds, epoch]);
    return { nodeIds: done, returnsUntil: 0 };
  };
  try {
    // Knows both nodes from now on.
    await node.check();
    // As in a store that was emptied.
    forgetFor(node, store);
    await node.check();
    // Longer than the pause between two questions.
    await sleep(600);
    expect([node.isRestoring, said]).toEqual([true, []]);
    player.isDue = false;
    await until(() => said.length > 1);
    expect(said[0]).toEqual([former, node.nodeId, 'another']);
    expect(node.isRestoring).toBe(true);
    done = [former, 'other'];
    await until(() => !node.isRestoring);
  } finally {
    await node.stop();
  }
});

test.each(['the join under its next id', 'the beat of a former id'])(
  '[P10] what %s says of a store that forgot counts at once',
  async (which) => {
    const store = new MemoryStore();
    const { beat, join } = store.nodes;
    const node = await quietNode(store);
    const lapsed = node.nodeId;
    const { player } = trackedPlayer(node, 1);
    const seen: boolean[] = [];
    let epoch: string | undefined;
    const told = async (result: Promise<BeatResult>) => ({ ...(await result), ...(epoch !== undefined && { epoch }) });
    store.nodes.join = async (id, leaseMs) => {
      if (which === 'the join under its next id') epoch = 'another';
      return told(join.call(store.nodes, id, leaseMs));
    };
    store.nodes.beat = async (id, leaseMs) => {
      seen.push(node.isSuspect || node.isRestoring);
      if (id === lapsed && id !== node.nodeId) epoch = 'another';
      const result = await told(beat.call(store.nodes, id, leaseMs));
      return id === lapsed && id === node.nodeId ? { ...result, outcome: 'fenced' } : result;
    };
    try {
      await node.check();
      expect(player.isDue).toBe(true);
      if (which === 'the beat of a former id') await node.check();
      await until(() => node.isRestoring);
      // The beat that tells of it: meanwhile nobody relied on the store.
      expect(seen.at(-1)).toBe(true);
    } finally {
      await node.stop();
    }
  },
);

/** Tells this node from its next beat on, and no other one, that the store forgot. */
function forgetFor(node: GatewayNode, store: MemoryStore): void {
  const { beat, join } = store.nodes;
  const { nodeId } = node;
  let next: string | undefined;
  store.nodes.beat = async (id, leaseMs) => ({
    ...(await beat.call(store.nodes, id, leaseMs)),
    ...([nodeId, next].includes(id) && { epoch: 'another', nodes: [id] }),
  });
  store.nodes.join = async (id, leaseMs) => {
    const result = await join.call(store.nodes, id, leaseMs);
    if (id !== node.nodeId) return result;
    next = id;
    return { ...result, epoch: 'another' };
  };
}

/** Beats only when asked, has no session to restore, and looks often who has none either. */
async function quietNode(store: MemoryStore): Promise<GatewayNode> {
  const node = new GatewayNode({ store, log, ...TIMES, beatMs: 60_000 });
  await node.start();
  return node;
}

test.each(['started', 'went on under a new id', 'had no answer when it went on'] as const)(
  '[P10] when the store forgets, a node that %s since the last beat is waited for',
  async (what) => {
    const store = new MemoryStore();
    const { join } = store.nodes;
    const confirmed: string[] = [];
    store.nodes.confirmRestored = async (nodeIds) => {
      if (nodeIds.includes(node.nodeId)) confirmed.push(...nodeIds);
      return { nodeIds: confirmed, returnsUntil: 0 };
    };
    const former = what === 'started' ? undefined : await quietNode(store);
    const node = await quietNode(store);
    const other = former ?? (await quietNode(store));
    try {
      if (former) {
        const { beat } = store.nodes;
        const lapsedId = former.nodeId;
        store.nodes.beat = async (id, leaseMs) => ({
          ...(await beat.call(store.nodes, id, leaseMs)),
          ...(id === lapsedId && { outcome: 'fenced' }),
        });
        let failures = what === 'went on under a new id' ? 0 : 1;
        store.nodes.join = async (id, leaseMs) => {
          failures -= 1;
          if (failures >= 0) throw new StoreError('store_unavailable', 'no answer in time');
          return join.call(store.nodes, id, leaseMs);
        };
        await former.check();
        await former.check();
        expect(former.nodeId).not.toBe(lapsedId);
        // The former id is waited for no more.
        confirmed.push(lapsedId);
      }
      forgetFor(node, store);
      await node.check();
      // Longer than the pause between two questions.
      await sleep(600);
      expect([confirmed.includes(node.nodeId), node.isRestoring]).toEqual([true, true]);
      confirmed.push(other.nodeId);
      await until(() => !node.isRestoring);
    } finally {
      for (const one of [node, other]) await one.stop();
    }
  },
);

test('[P10] what a process told itself with a beat is no longer than it knows', async () => {
  const store = new MemoryStore();
  const node = new GatewayNode({ store, log, ...TIMES, beatMs: 60_000, returnMaxMs: 600_000 });
  await node.start();
  try {
    node.returns.answered(300_000);
    await node.check();
    // The store's clock is known a little better, and what is told now is less.
    const storeNow = node.storeNow.bind(node);
    node.storeNow = () => storeNow() - 5;
    await node.check();
    // What others are told is two beats more.
    expect(node.returns.leftMs()).toBeLessThanOrEqual(301_000);
  } finally {
    await node.stop();
  }
});

test('[P10] a node that joined while a beat was on its way is not forgotten by its answer', async () => {
  const store = new MemoryStore();
  const { beat } = store.nodes;
  store.nodes.confirmRestored = async (nodeIds) => ({ nodeIds, returnsUntil: 0 });
  const node = await quietNode(store);
  let other: GatewayNode | undefined;
  store.nodes.beat = async (id, leaseMs) => {
    const result = await beat.call(store.nodes, id, leaseMs);
    other ??= await quietNode(store);
    return result;
  };
  try {
    await node.check();
    store.nodes.beat = beat;
    forgetFor(node, store);
    await node.check();
    await sleep(600);
    expect(node.isRestoring).toBe(true);
  } finally {
    for (const one of [node, other]) await one?.stop();
  }
});

test('[P10] a node that joined in an epoch which is not known yet is not waited for', async () => {
  const store = new MemoryStore();
  store.nodes.confirmRestored = async (nodeIds) => ({ nodeIds, returnsUntil: 0 });
  const node = await quietNode(store);
  try {
    await store.inbox.send([node.nodeId], { joined: 'young', epoch: 'another' });
    forgetFor(node, store);
    await node.check();
    expect(node.isRestoring).toBe(true);
    await until(() => !node.isRestoring);
  } finally {
    await node.stop();
  }
});

test('[P10] nobody is let in before the others know of the node; that they cannot be told keeps it from nothing', async () => {
  const store = new MemoryStore();
  await store.nodes.join('other', TIMES.leaseMs);
  let lose = (): void => {};
  const told: unknown[] = [];
  store.inbox.send = (nodeIds, message) => {
    told.push([nodeIds, message]);
    return new Promise((_, reject) => {
      lose = () => reject(new StoreError('store_unavailable', 'no answer in time'));
    });
  };
  const node = new GatewayNode({ store, log, ...TIMES });
  const started = node.start();
  let isOver = false;
  const restored = node.restored().then(() => {
    isOver = true;
  });
  try {
    await until(() => told.length > 0);
    await sleep(50);
    expect([node.isAwaited, isOver]).toEqual([true, false]);
    expect(told).toEqual([[['other'], { joined: node.nodeId, epoch: expect.any(String) }]]);
    lose();
    await Promise.all([started, restored]);
  } finally {
    await node.stop();
  }
});

test('[P9] a lease that is taken after the process stopped is given up', async () => {
  const store = new MemoryStore();
  const { join, quit } = store.nodes;
  let answer = (): void => {};
  const asked = new Promise<void>((resolve) => {
    answer = resolve;
  });
  store.nodes.join = async (nodeId, leaseMs) => {
    await asked;
    return join.call(store.nodes, nodeId, leaseMs);
  };
  const quits: string[] = [];
  store.nodes.quit = async (nodeId) => {
    quits.push(nodeId);
    await quit.call(store.nodes, nodeId);
  };
  const node = new GatewayNode({ store, log, ...TIMES });
  const started = node.start();
  await node.stop();
  expect(quits).toEqual([]);
  answer();
  await started;
  expect(quits).toEqual([node.nodeId]);
});

test.each(['at the next beat', 'before the lease is given up'] as const)(
  '[P8] a detach without an answer is sent again %s',
  async (when) => {
    const store = new MemoryStore();
    const acts: string[] = [];
    store.sessions.detach = async (refs) => {
      acts.push('detach');
      if (acts.length === 1) throw new StoreError('store_unavailable', 'no answer in time');
      return refs.map(() => ({ outcome: 'gone' }) as const);
    };
    store.nodes.quit = async () => void acts.push('quit');
    const beatMs = when === 'at the next beat' ? TIMES.beatMs : 60_000;
    const node = new GatewayNode({ store, log, ...TIMES, beatMs });
    await node.start();
    try {
      node.detach({ userId: 'u', sessionId: 's', owner: node.owner(1), isUncertain: false });
      await until(() => acts.length === (when === 'at the next beat' ? 2 : 1));
    } finally {
      await node.stop();
    }
    expect(acts).toEqual(['detach', 'detach', 'quit']);
  },
);

test('[P9] until the first sweep is done what the store answers may be of processes that are gone', async () => {
  const store = new MemoryStore();
  let swept = (): void => {};
  store.nodes.sweep = () =>
    new Promise((resolve) => {
      swept = () => resolve({ ended: 1, lagMs: 0, corrected: 0, mendedUserIds: [] });
    });
  const node = new GatewayNode({ store, log, ...TIMES, sweepMs: 60_000 });
  const started = node.start();
  await turn();
  expect(node.isRestoring).toBe(true);
  let isOver = false;
  const restored = node.restored().then(() => {
    isOver = true;
  });
  await turn();
  expect(isOver).toBe(false);
  swept();
  await Promise.all([started, restored]);
  expect(node.isRestoring).toBe(false);
  await node.stop();
});

test('[P7] all nodes are asked to renew the sessions of some users; of their players they renew those', async () => {
  const store = new MemoryStore();
  const renewed: string[][] = [];
  store.sessions.renew = async (requests) => {
    renewed.push(requests.map(({ sessionId }) => sessionId));
    return requests.map(() => ({ outcome: 'gone' }));
  };
  const nodes = [new GatewayNode({ store, log, ...TIMES }), new GatewayNode({ store, log, ...TIMES })] as const;
  for (const node of nodes) await node.start();
  const [asks, other] = nodes;
  const own = trackedPlayer(asks, 1);
  const others = [2, 3].map((connection) => trackedPlayer(other, connection));
  Object.assign(others[1]!.player, { session: { userId: 'v', sessionId: 's3' } });
  try {
    await asks.check();
    await asks.askRenewals(new Set(['u']));
    await until(() => renewed.length === 2);
    expect(renewed.flat().sort()).toEqual(['s1', 's2']);
    expect([own, ...others].map(({ events }) => events)).toEqual([['missed gone'], ['missed gone'], []]);
    await asks.askRenewals('all');
    await until(() => renewed.length === 4);
    expect(renewed.slice(2).flat().sort()).toEqual(['s1', 's2', 's3']);
  } finally {
    for (const node of nodes) await node.stop();
  }
});

test('[P12] who holds a session that a recount ended finds out at once', async () => {
  const store = new MemoryStore();
  const sweep = store.nodes.sweep.bind(store.nodes);
  let mendedUserIds: string[] = [];
  store.nodes.sweep = async () => ({ ...(await sweep()), mendedUserIds: mendedUserIds.splice(0) });
  store.sessions.renew = async (requests) => requests.map(() => ({ outcome: 'gone' }));
  const node = new GatewayNode({ store, log, ...TIMES, sweepMs: 5 });
  await node.start();
  const [hurt, whole] = [1, 2].map((connection) => trackedPlayer(node, connection)) as [Tracked, Tracked];
  Object.assign(whole.player, { session: { userId: 'v', sessionId: 's2' } });
  try {
    mendedUserIds = ['u'];
    await until(() => hurt.events.length > 0);
    expect([hurt.events, whole.events]).toEqual([['missed gone'], []]);
  } finally {
    await node.stop();
  }
});

test('[P12] what the first sweep of a process mends is asked for too, and of very many users for all', async () => {
  const store = new MemoryStore();
  const sent: unknown[] = [];
  store.inbox.send = async (_, message) => void ('renew' in message && sent.push(message.renew));
  const sweep = store.nodes.sweep.bind(store.nodes);
  for (const mendedUserIds of [['u', 'v'], Array.from({ length: 20_001 }, (_, i) => `u${i}`)]) {
    store.nodes.sweep = async () => ({ ...(await sweep()), mendedUserIds });
    const node = new GatewayNode({ store, log, ...TIMES, sweepMs: 60_000 });
    await node.start();
    await node.stop();
  }
  expect(sent).toEqual([['u', 'v'], 'all']);
});

test('[P7] what could not be renewed when a node asked for it is renewed as soon as the store answers', async () => {
  const store = new MemoryStore();
  let tries = 0;
  store.sessions.renew = async (requests) => {
    tries += 1;
    if (tries < 3) throw new StoreError('store_unavailable', 'no answer in time');
    return requests.map(() => ({ outcome: 'gone' }));
  };
  const node = new GatewayNode({ store, log, ...TIMES });
  await node.start();
  const { events } = trackedPlayer(node, 1);
  try {
    await node.askRenewals(new Set(['u']));
    await until(() => events.length > 0);
    expect([tries, events]).toEqual([3, ['missed gone']]);
  } finally {
    await node.stop();
  }
});
