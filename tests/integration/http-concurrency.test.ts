import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { MemoryStore, type NodeMessage } from '../../presence-core/index.ts';
import { ManualClock, startSidecar, type TestSidecar } from '../support/sidecar.ts';

let clock: ManualClock;
let store: MemoryStore;
let sidecar: TestSidecar;

beforeEach(async () => {
  clock = new ManualClock();
  store = new MemoryStore({ clock: clock.read });
  sidecar = await startSidecar(store);
});
afterEach(() => sidecar.close());

const beat = (userId: string, sessionId: string, more: object = {}) =>
  sidecar.request('POST', '/heartbeat', { userId, sessionId, streamId: 's1', ...more });
const manyIds = (count: number) => Array.from({ length: count }, (_, i) => `u${i}`);
const admission = (body: object) => sidecar.request('POST', '/admission', body);
const usage = (userId: string) => sidecar.get(`/concurrency/user/${userId}`).then(({ body }) => body);

async function openSocket(userId: string, sessionId: string, connection: number): Promise<void> {
  const owner = { nodeId: 'n1', connection };
  await store.sessions.open({ userId, sessionId, attributes: {}, owner, leaseMs: 600_000, intent: 'fresh' });
}

describe('reads', () => {
  test('of one user name each session', async () => {
    await beat('u1', 'a', { deviceType: 'tv', country: 'US', state: 'CA' });
    expect(await usage('u1')).toEqual({
      userId: 'u1',
      current: 1,
      max: 3,
      sessions: [
        {
          sessionId: 'a',
          streamId: 's1',
          deviceType: 'tv',
          country: 'US',
          state: 'CA',
          startedAt: clock.now,
          expiresAt: clock.now + 30_000,
          via: 'heartbeat',
        },
      ],
    });
    expect(await usage('nobody')).toEqual({ userId: 'nobody', current: 0, max: 3, sessions: [] });
  });

  test('of many users, in order and with duplicates', async () => {
    await beat('u1', 'a');
    const users = [
      { userId: 'u2', current: 0, max: 3 },
      { userId: 'u1', current: 1, max: 3 },
      { userId: 'u2', current: 0, max: 3 },
    ];
    expect((await sidecar.get('/concurrency/users?ids=u2,u1,u2')).body).toEqual({ users });
    expect((await sidecar.request('POST', '/concurrency/users', { ids: ['u2', 'u1', 'u2'] })).body).toEqual({ users });
  });

  test('GET takes 1 to 1,000 ids, POST 1 to 10,000', async () => {
    expect((await sidecar.get(`/concurrency/users?ids=${manyIds(1_000)}`)).body.users).toHaveLength(1_000);
    const long = manyIds(10_000).map((id) => id.padEnd(128, '-'));
    expect((await sidecar.post('/concurrency/users', { ids: long })).body.users).toHaveLength(10_000);
    const refused = [
      ...['', '?ids=', '?ids=a,,b', `?ids=${manyIds(1_001)}`].map((query) => sidecar.get(`/concurrency/users${query}`)),
      ...[[], [...long, 'x'], ['a', 7], undefined].map((ids) => sidecar.post('/concurrency/users', { ids })),
    ];
    for (const { status, body } of await Promise.all(refused)) {
      expect([status, body.code]).toEqual([400, 'invalid_request']);
      expect(body.errors[0].path).toMatch(/^ids/);
    }
  });
});

describe('POST /admission', () => {
  test('foresees without holding a slot', async () => {
    for (let i = 0; i < 5; i++) {
      expect((await admission({ userId: 'u1', streamId: 's1' })).body).toEqual({
        admitted: true,
        current: 0,
        max: 3,
        conflicts: [],
      });
    }
    for (const sessionId of ['a', 'b', 'c']) {
      await beat('u1', sessionId);
      clock.now += 10;
    }
    const { status, body } = await admission({ userId: 'u1' });
    expect(status).toBe(200);
    expect(body).toMatchObject({ admitted: false, current: 3, max: 3, nextFreeAt: clock.now - 30 + 30_000 });
    expect(body.conflicts).toHaveLength(3);
    expect(body.conflicts[0]).toEqual({ sessionId: 'a', streamId: 's1', startedAt: clock.now - 30 });
    expect((await admission({ streamId: 's1' })).body.errors).toEqual([{ path: 'userId', message: 'is required' }]);
  });

  test('[P5] under evict-oldest names who would have to go', async () => {
    await sidecar.close();
    sidecar = await startSidecar(store, { ON_LIMIT: 'evict-oldest' });
    for (const sessionId of ['a', 'b', 'c']) {
      await beat('u1', sessionId);
      clock.now += 10;
    }
    const { body } = await admission({ userId: 'u1' });
    expect(body).toMatchObject({ admitted: true, conflicts: [{ sessionId: 'a' }] });
  });
});

describe('limits', () => {
  test('[P6] an override counts until it is removed; lowering it ends nobody', async () => {
    expect((await sidecar.request('PUT', '/limits/u1', { max: 5 })).status).toBe(204);
    for (const sessionId of ['a', 'b', 'c', 'd', 'e']) expect((await beat('u1', sessionId)).status).toBe(200);
    expect((await beat('u1', 'f')).body).toMatchObject({ code: 'concurrency_limit', max: 5 });
    await sidecar.request('PUT', '/limits/u1', { max: 1 });
    expect(await usage('u1')).toMatchObject({ current: 5, max: 1 });
    expect((await beat('u1', 'a')).status).toBe(200);
    for (let i = 0; i < 2; i++) expect((await sidecar.request('DELETE', '/limits/u1')).status).toBe(204);
    expect((await beat('u1', 'f')).body).toMatchObject({ code: 'concurrency_limit', current: 5, max: 3 });
  });

  test.each([{ max: 0 }, { max: 101 }, { max: 1.5 }, { max: '5' }, {}])('refuses %j', async (body) => {
    const reply = await sidecar.request('PUT', '/limits/u1', body);
    expect([reply.status, reply.body.errors?.[0].path]).toEqual([400, 'max']);
  });
});

describe('kicks', () => {
  let told: NodeMessage[];

  beforeEach(async () => {
    told = [];
    await store.nodes.join('n1', 10_000);
    store.inbox.listen('n1', (message) => told.push(message));
  });

  test('[P5] of one session tells its socket and leaves the others', async () => {
    await openSocket('u1', 'a', 1);
    await beat('u1', 'b');
    expect((await sidecar.request('DELETE', '/sessions/u1/a')).status).toBe(204);
    await new Promise((resolve) => setImmediate(resolve));
    expect(told).toMatchObject([{ userId: 'u1', sessionId: 'a', connection: 1, reason: 'kicked' }]);
    expect((await usage('u1')).sessions).toMatchObject([{ sessionId: 'b' }]);
    expect((await beat('u1', 'a')).body.reason).toBe('kicked');
  });

  test('[P5] of a user end all of its sessions', async () => {
    await openSocket('u1', 'a', 1);
    await openSocket('u1', 'b', 2);
    await beat('u1', 'c');
    await beat('u2', 'a');
    expect((await sidecar.request('DELETE', '/sessions/u1')).status).toBe(204);
    await new Promise((resolve) => setImmediate(resolve));
    expect(told.map((message) => 'reason' in message && [message.connection, message.reason]).toSorted()).toEqual([
      [1, 'kicked'],
      [2, 'kicked'],
    ]);
    expect((await sidecar.get('/online')).body).toEqual({ users: 1, sessions: 1 });
  });

  test('of nobody are done already', async () => {
    expect((await sidecar.request('DELETE', '/sessions/nobody')).status).toBe(204);
    expect((await sidecar.request('DELETE', '/sessions/nobody/a')).status).toBe(204);
    expect((await sidecar.request('DELETE', '/sessions/nobody/a%20b')).body.errors[0].path).toBe('sessionId');
  });
});
