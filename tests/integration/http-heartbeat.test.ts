import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { MemoryStore, PRESENCE_ONLY } from '../../presence-core/index.ts';
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

const beat = (body: object) => sidecar.request('POST', '/heartbeat', body);
const leave = (body: object) => sidecar.request('DELETE', '/heartbeat', body);
const fieldsOf = (body: { errors: { path: string }[] }) => body.errors.map(({ path }) => path);

describe('POST /heartbeat', () => {
  test('admits, and says until when', async () => {
    const { status, body } = await beat({ userId: 'u1', streamId: 's1', sessionId: 'a', unknown: { field: 1 } });
    expect(status).toBe(200);
    expect(body).toEqual({
      status: 'ok',
      current: 1,
      max: 3,
      expiresAt: clock.now + 30_000,
      heartbeatIntervalMs: 10_000,
    });
  });

  test('[P4] three are admitted, the fourth is refused with who holds the slots', async () => {
    for (const sessionId of ['a', 'b', 'c']) {
      expect((await beat({ userId: 'u1', streamId: `s-${sessionId}`, sessionId, deviceType: 'tv' })).status).toBe(200);
      clock.now += 1_000;
    }
    const { status, body, headers } = await beat({ userId: 'u1', streamId: 's-d', sessionId: 'd' });
    expect(status).toBe(400);
    expect(headers.get('content-type')).toBe('application/problem+json');
    expect(body).toMatchObject({ status: 400, code: 'concurrency_limit', max: 3, current: 3 });
    expect(body.requestId).toBe(headers.get('x-request-id'));
    expect(body.conflicts).toEqual(
      ['a', 'b', 'c'].map((sessionId, i) => ({
        sessionId,
        streamId: `s-${sessionId}`,
        deviceType: 'tv',
        startedAt: clock.now - 3_000 + i * 1_000,
      })),
    );
    expect(body.nextFreeAt).toBe(clock.now - 3_000 + 30_000);
    expect((await beat({ userId: 'u2', streamId: 's', sessionId: 'd' })).status).toBe(200);
  });

  test('[P4] a known session is admitted at the limit, and a new stream on it is a switch', async () => {
    for (const sessionId of ['a', 'b', 'c']) await beat({ userId: 'u1', streamId: 's1', sessionId });
    const { status, body } = await beat({ userId: 'u1', streamId: 's2', sessionId: 'a' });
    expect([status, body.current]).toEqual([200, 3]);
    const { body: held } = await sidecar.get('/concurrency/user/u1');
    expect(held.sessions.find((s: { sessionId: string }) => s.sessionId === 'a').streamId).toBe('s2');
  });

  test('silence frees the slot, and the return of the silent one is refused', async () => {
    for (const sessionId of ['a', 'b', 'c']) await beat({ userId: 'u1', streamId: 's', sessionId });
    clock.now += 20_000;
    for (const sessionId of ['a', 'b']) await beat({ userId: 'u1', streamId: 's', sessionId });
    clock.now += 10_000;
    expect((await beat({ userId: 'u1', streamId: 's', sessionId: 'd' })).body.current).toBe(3);
    expect((await beat({ userId: 'u1', streamId: 's', sessionId: 'c' })).body.code).toBe('concurrency_limit');
    await store.sweep();
    expect((await sidecar.get('/online')).body).toEqual({ users: 1, sessions: 3 });
  });

  test.each([20, 200])('[P4] of %d new sessions at once exactly three are admitted', async (count) => {
    const replies = await Promise.all(
      Array.from({ length: count }, (_, i) => beat({ userId: 'u1', streamId: 's', sessionId: `n${i}` })),
    );
    expect(replies.filter(({ status }) => status === 200)).toHaveLength(3);
    expect(replies.filter(({ body }) => body.code === 'concurrency_limit')).toHaveLength(count - 3);
  });

  test('a slower beat is given three of its intervals', async () => {
    const slow = await beat({ userId: 'u1', streamId: 's', sessionId: 'a', intervalMs: 20_000 });
    expect(slow.body).toMatchObject({ expiresAt: clock.now + 60_000, heartbeatIntervalMs: 20_000 });
    const fast = await beat({ userId: 'u1', streamId: 's', sessionId: 'b', intervalMs: 1_000 });
    expect(fast.body.expiresAt).toBe(clock.now + 30_000);
  });

  test('the device is the session when there is none', async () => {
    await beat({ userId: 'u1', streamId: 's', deviceId: 'd1' });
    await beat({ userId: 'u1', streamId: 's', deviceId: 'd1' });
    const { body } = await sidecar.get('/concurrency/user/u1');
    expect(body.sessions.map((s: { sessionId: string }) => s.sessionId)).toEqual(['d1']);
  });

  test('[P6] a beat that names nothing marks presence and takes no slot', async () => {
    const { status, body } = await beat({ userId: 'u1' });
    expect([status, body.current]).toEqual([200, 0]);
    expect((await sidecar.get('/status/user/u1')).body.online).toBe(true);
    expect((await sidecar.get('/concurrency/user/u1')).body).toMatchObject({ current: 0, sessions: [] });
    expect((await beat({ userId: 'u1', sessionId: PRESENCE_ONLY })).status).toBe(400);
  });

  test('07 and 7 are different users', async () => {
    for (const sessionId of ['a', 'b', 'c']) await beat({ userId: '07', streamId: 's', sessionId });
    expect((await beat({ userId: '7', streamId: 's', sessionId: 'a' })).body.current).toBe(1);
    expect((await beat({ userId: 7, streamId: 's', sessionId: 'a' })).status).toBe(400);
  });

  test('[P5] a kicked session is told so, with 410', async () => {
    await beat({ userId: 'u1', streamId: 's', sessionId: 'a' });
    await sidecar.request('DELETE', '/sessions/u1/a');
    const { status, body } = await beat({ userId: 'u1', streamId: 's', sessionId: 'a' });
    expect(status).toBe(410);
    expect(body).toMatchObject({ code: 'session_ended', reason: 'kicked' });
  });

  test('[P7] a beat for a session that a socket holds only answers', async () => {
    await store.join('n1', 10_000);
    const owner = { nodeId: 'n1', connection: 1 };
    await store.open({
      userId: 'u1',
      sessionId: 'a',
      attributes: { streamId: 's1' },
      owner,
      leaseMs: 600_000,
      intent: 'fresh',
    });
    const { status, body } = await beat({ userId: 'u1', streamId: 's2', sessionId: 'a' });
    expect([status, body.current, body.expiresAt]).toEqual([200, 1, clock.now + 600_000]);
    const { body: held } = await sidecar.get('/concurrency/user/u1');
    expect(held.sessions[0]).toMatchObject({ streamId: 's1', via: 'socket' });
  });

  test.each([
    [{ streamId: 's', sessionId: 'a' }, ['userId']],
    [{}, ['userId']],
    [{ userId: 'u 1', streamId: 's', sessionId: 'a{b}' }, ['userId', 'sessionId']],
    [{ userId: 'u1', streamId: 's' }, ['sessionId']],
    [{ userId: 'u1', sessionId: 'x'.repeat(129) }, ['sessionId']],
    [{ userId: 'u1', sessionId: 'a', country: 'U|S' }, ['country']],
    [{ userId: 'u1', sessionId: 'a', deviceType: '' }, ['deviceType']],
    [{ userId: 'u1', sessionId: 'a', intervalMs: 999 }, ['intervalMs']],
    [{ userId: 'u1', sessionId: 'a', intervalMs: 60_001 }, ['intervalMs']],
    [{ userId: 'u1', sessionId: 'a', intervalMs: '5000' }, ['intervalMs']],
    [{ userId: null, sessionId: ['a'] }, ['userId', 'sessionId']],
    [[], ['body']],
  ])('[P13] refuses %j naming the field', async (body, fields) => {
    const reply = await beat(body);
    expect([reply.status, reply.body.code]).toEqual([400, 'invalid_request']);
    expect(fieldsOf(reply.body).toSorted()).toEqual(fields.toSorted());
    expect(reply.body.errors.every(({ message }: { message: unknown }) => typeof message === 'string')).toBe(true);
  });
});

describe('evict-oldest', () => {
  test('[P5] admits, ends the oldest, and tells its socket', async () => {
    await sidecar.close();
    sidecar = await startSidecar(store, { ON_LIMIT: 'evict-oldest', MAX_STREAMS: '3' });
    await store.join('n1', 10_000);
    const told: unknown[] = [];
    store.onInbox('n1', (message) => told.push(message));
    const owner = { nodeId: 'n1', connection: 7 };
    await store.open({ userId: 'u1', sessionId: 'old', attributes: {}, owner, leaseMs: 600_000, intent: 'fresh' });
    clock.now += 1;
    for (const sessionId of ['a', 'b']) await beat({ userId: 'u1', streamId: 's', sessionId });
    expect((await beat({ userId: 'u1', streamId: 's', sessionId: 'c', deviceType: 'tv' })).body.current).toBe(3);
    await new Promise((resolve) => setImmediate(resolve));
    const by = { sessionId: 'c', deviceType: 'tv' };
    expect(told).toEqual([{ userId: 'u1', sessionId: 'old', connection: 7, reason: 'evicted', by }]);
    expect((await beat({ userId: 'u1', streamId: 's', sessionId: 'old' })).body).toMatchObject({
      code: 'session_ended',
      reason: 'evicted',
    });
  });
});

describe('DELETE /heartbeat', () => {
  test('leaves at once, and again without harm', async () => {
    await beat({ userId: 'u1', streamId: 's', sessionId: 'a' });
    await beat({ userId: 'u1', streamId: 's', deviceId: 'd1' });
    expect((await leave({ userId: 'u1', sessionId: 'a' })).status).toBe(204);
    expect((await leave({ userId: 'u1', sessionId: 'a' })).status).toBe(204);
    expect((await leave({ userId: 'u1', deviceId: 'd1' })).status).toBe(204);
    expect((await sidecar.get('/status/user/u1')).body).toMatchObject({ online: false, sessions: 0 });
  });

  test('names what is missing', async () => {
    expect(fieldsOf((await leave({ userId: 'u1' })).body)).toEqual(['sessionId']);
    expect(fieldsOf((await leave({ sessionId: 'a' })).body)).toEqual(['userId']);
  });
});
