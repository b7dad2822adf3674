import { afterEach, describe, expect, test } from '@jest/globals';
import { type FailingStore, failingStore } from '../support/failing-store.ts';
import { startSidecar, type TestSidecar } from '../support/sidecar.ts';

const USER = { 'x-user-id': 'u1' };
const BEAT = { userId: 'u1', streamId: 's1', sessionId: 'a' };
const GUARD = '/guards/00000000-0000-4000-8000-000000000000';

const READS = [
  '/status/user/u1',
  '/status/users?ids=u1',
  '/online',
  '/concurrency/user/u1',
  '/concurrency/users?ids=u1',
  '/stats/viewercount',
  '/stats/viewercount/streams/s1',
  '/stats/viewercount/users/u1',
  '/stats/top?by=stream',
  `/analytics?timestamp=${Date.now()}`,
];

let sidecar: TestSidecar;
let failing: FailingStore;

async function start(env: Record<string, string>): Promise<void> {
  failing = failingStore();
  sidecar = await startSidecar(failing.store, env);
}
afterEach(() => sidecar.close());

describe('[P10] while the store is away', () => {
  test('policy open lets players play on, marked degraded', async () => {
    await start({ OUTAGE_POLICY: 'open' });
    failing.mode = 'away';
    const beat = await sidecar.request('POST', '/heartbeat', { ...BEAT, intervalMs: 20_000 });
    expect(beat.status).toBe(200);
    expect(beat.body).toEqual({ status: 'ok', heartbeatIntervalMs: 20_000, degraded: true });
    expect((await sidecar.request('POST', '/heartbeat', { userId: 'u1' })).body.degraded).toBe(true);
    const guard = await sidecar.request('POST', '/guards', undefined, USER);
    expect(guard.status).toBe(200);
    expect(guard.body).toMatchObject({ guardId: expect.any(String), degraded: true });
    expect(guard.body.expiresAt - guard.body.refreshAt).toBe(30_000);
    failing.mode = 'work';
    expect((await sidecar.request('POST', '/heartbeat', BEAT)).body).toMatchObject({ current: 1, max: 3 });
  });

  test.each([
    ['open', 200, { status: 'degraded' }],
    ['closed', 503, expect.objectContaining({ code: 'store_unavailable' })],
  ])('policy %s: /readyz says whether players are let in', async (policy, status, body) => {
    await start({ OUTAGE_POLICY: policy });
    expect(await sidecar.request('GET', '/readyz')).toMatchObject({ status: 200, body: { status: 'ok' } });
    failing.mode = 'away';
    expect(await sidecar.request('GET', '/readyz')).toMatchObject({ status, body });
  });

  test.each(['away', 'silent'] as const)(
    '[P7] a refresh of a guard is no success when the store is %s',
    async (mode) => {
      await start({ OUTAGE_POLICY: 'open' });
      const { body: guard } = await sidecar.request('POST', '/guards', undefined, USER);
      const refresh = (id = guard.guardId) => sidecar.request('PATCH', `/guards/${id}`, undefined, USER);
      expect((await refresh()).status).toBe(204);
      failing.mode = mode;
      // The live guard, and one that may never have been.
      for (const reply of [await refresh(), await refresh(GUARD.slice('/guards/'.length))]) {
        expect(reply.status).toBe(200);
        expect(reply.body).toEqual({ degraded: true, refreshAt: expect.any(Number) });
        // Time for three refreshes before the guard of a punctual client ends.
        const leftMs = guard.expiresAt - guard.refreshAt;
        expect(reply.body.refreshAt - Date.now()).toBeLessThanOrEqual(leftMs / 3);
      }
      failing.mode = 'work';
      expect((await refresh()).status).toBe(204);
      expect(await refresh(GUARD.slice('/guards/'.length))).toMatchObject({ status: 404, body: { code: 'not_found' } });
    },
  );

  test('[P14] [W17] policy open admits nobody because this server has too much in flight', async () => {
    await start({ OUTAGE_POLICY: 'open' });
    failing.mode = 'full';
    for (const reply of [
      await sidecar.request('POST', '/heartbeat', BEAT),
      await sidecar.request('POST', '/guards', undefined, USER),
      await sidecar.request('PATCH', GUARD, undefined, USER),
      await sidecar.get('/status/user/u1'),
    ]) {
      expect([reply.status, reply.body.code]).toEqual([503, 'overloaded']);
      expect(Number(reply.headers.get('retry-after'))).toBeGreaterThan(0);
    }
  });

  test('policy open still refuses what is not valid', async () => {
    await start({ OUTAGE_POLICY: 'open' });
    failing.mode = 'away';
    expect((await sidecar.request('POST', '/heartbeat', { userId: 'u1', streamId: 's1' })).status).toBe(400);
    expect((await sidecar.request('POST', '/guards')).body.errorCode).toBe('MISSING_HEADER');
  });

  test('policy closed refuses with 503 and when to try again', async () => {
    await start({ OUTAGE_POLICY: 'closed' });
    failing.mode = 'away';
    for (const reply of [
      await sidecar.request('POST', '/heartbeat', BEAT),
      await sidecar.request('POST', '/guards', undefined, USER),
      await sidecar.request('PATCH', GUARD, undefined, USER),
    ]) {
      expect([reply.status, reply.body.code]).toEqual([503, 'store_unavailable']);
      expect(Number(reply.headers.get('retry-after'))).toBeGreaterThan(0);
      expect(JSON.stringify(reply.body)).not.toContain('10.0.0.9');
    }
  });

  test.each(['open', 'closed'])('reads and other acts are 503, with policy %s', async (OUTAGE_POLICY) => {
    await start({ OUTAGE_POLICY });
    failing.mode = 'away';
    const replies = [
      ...(await Promise.all(READS.map((path) => sidecar.get(path)))),
      await sidecar.request('DELETE', '/heartbeat', BEAT),
      await sidecar.request('DELETE', GUARD, undefined, USER),
      await sidecar.request('POST', `/analytics?timestamp=${Date.now()}&user=u1&event=click`),
      await sidecar.request('POST', '/admission', { userId: 'u1' }),
      await sidecar.request('PUT', '/limits/u1', { max: 5 }),
      await sidecar.request('DELETE', '/sessions/u1'),
    ];
    for (const { status, body, headers } of replies) {
      expect([status, body.code, headers.has('retry-after')]).toEqual([503, 'store_unavailable', true]);
    }
    expect((await sidecar.get('/healthz')).status).toBe(200);
  });

  test('a store that never answers is not waited for', async () => {
    await start({ OUTAGE_POLICY: 'open' });
    failing.mode = 'silent';
    const [beat, read] = await Promise.all([sidecar.request('POST', '/heartbeat', BEAT), sidecar.get('/online')]);
    expect([beat.status, beat.body.degraded]).toEqual([200, true]);
    expect([read.status, read.body.code]).toEqual([503, 'store_unavailable']);
  });
});

describe('a fault of ours', () => {
  test('is 500, tells nothing, is logged with its stack, and never passes for an outage', async () => {
    await start({ OUTAGE_POLICY: 'open' });
    failing.mode = 'broken';
    const { status, body, headers } = await sidecar.request('POST', '/heartbeat', BEAT);
    expect([status, body.code]).toEqual([500, 'internal']);
    expect(JSON.stringify(body)).not.toContain('secret');
    const line = sidecar.lines.find(({ correlationId }) => correlationId === headers.get('x-request-id'));
    expect(line).toMatchObject({
      level: 'error',
      status: 500,
      stack: expect.stringContaining('a secret inner detail'),
    });
  });
});
