import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { MemoryStore } from '../../presence-core/index.ts';
import { ManualClock, startSidecar, type TestSidecar } from '../support/sidecar.ts';

const UNKNOWN = '00000000-0000-4000-8000-000000000000';

let clock: ManualClock;
let sidecar: TestSidecar;

beforeEach(async () => {
  clock = new ManualClock();
  sidecar = await startSidecar(new MemoryStore({ clock: clock.read }));
});
afterEach(() => sidecar.close());

const as = (userId: string) => ({ 'x-user-id': userId });
const create = (userId: string, body?: object) => sidecar.request('POST', '/guards', body, as(userId));
const refresh = (userId: string, id: string) => sidecar.request('PATCH', `/guards/${id}`, undefined, as(userId));
const remove = (userId: string, id: string) => sidecar.request('DELETE', `/guards/${id}`, undefined, as(userId));

describe('POST /guards', () => {
  test('gives a guard and its timers, with and without a body', async () => {
    const { status, body } = await create('u1');
    expect(status).toBe(200);
    expect(body).toEqual({
      guardId: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/),
      refreshAt: clock.now + 60_000,
      expiresAt: clock.now + 90_000,
    });
    await create('u1', { streamId: 's1', deviceType: 'tv', country: 'US' });
    const { body: held } = await sidecar.get('/concurrency/user/u1');
    expect(held.sessions).toContainEqual(
      expect.objectContaining({ streamId: 's1', deviceType: 'tv', country: 'US', via: 'guard' }),
    );
  });

  test('[P4] the fourth is refused with 403, and counts beats too', async () => {
    await sidecar.request('POST', '/heartbeat', { userId: 'u1', streamId: 's', sessionId: 'a' });
    for (let i = 0; i < 2; i++) expect((await create('u1')).status).toBe(200);
    const { status, body } = await create('u1');
    expect(status).toBe(403);
    expect(body).toMatchObject({
      status: 403,
      code: 'concurrency_limit',
      errorCode: 'REACHED_MAX_GUARDS_COUNT',
      current: 3,
    });
    expect(body.conflicts).toHaveLength(3);
  });

  test('[P4] of 100 at once exactly three are given', async () => {
    const replies = await Promise.all(Array.from({ length: 100 }, () => create('u1')));
    expect(replies.filter(({ status }) => status === 200)).toHaveLength(3);
    expect(replies.filter(({ status }) => status === 403)).toHaveLength(97);
  });

  test('07 and 7 are different users', async () => {
    for (let i = 0; i < 3; i++) await create('07');
    expect((await create('7')).status).toBe(200);
    expect((await create('07')).status).toBe(403);
  });

  test('needs a user', async () => {
    for (const headers of [{}, as('')]) {
      const { status, body } = await sidecar.request('POST', '/guards', undefined, headers);
      expect(status).toBe(400);
      expect(body).toMatchObject({ code: 'invalid_request', errorCode: 'MISSING_HEADER' });
      expect(body.errors[0].path).toBe('x-user-id');
    }
    for (const [method, path] of [
      ['PATCH', `/guards/${UNKNOWN}`],
      ['DELETE', `/guards/${UNKNOWN}`],
    ] as const) {
      expect((await sidecar.request(method, path)).body.errorCode).toBe('MISSING_HEADER');
    }
  });

  test('[P13] refuses a bad user or field by name', async () => {
    expect((await create('a b')).body.errors[0].path).toBe('x-user-id');
    expect((await create('u1', { streamId: 'a/b' })).body.errors[0].path).toBe('streamId');
  });
});

describe('PATCH and DELETE /guards/{id}', () => {
  test('a refresh renews, silence loses the guard', async () => {
    const { guardId } = (await create('u1')).body;
    clock.now += 60_000;
    expect((await refresh('u1', guardId)).status).toBe(204);
    clock.now += 89_999;
    expect((await refresh('u1', guardId)).status).toBe(204);
    clock.now += 90_000;
    const { status, body } = await refresh('u1', guardId);
    expect(status).toBe(404);
    expect(body).toMatchObject({ code: 'not_found', errorCode: 'GUARD_DOES_NOT_EXIST' });
  });

  test('deletes once', async () => {
    const { guardId } = (await create('u1')).body;
    expect((await remove('u1', guardId)).status).toBe(204);
    const { status, body } = await remove('u1', guardId);
    expect([status, body.code, body.errorCode]).toEqual([404, 'not_found', 'GUARD_DOES_NOT_EXIST']);
  });

  test('those of another user do not exist', async () => {
    const { guardId } = (await create('07')).body;
    for (const act of [refresh, remove]) expect((await act('7', guardId)).body.errorCode).toBe('GUARD_DOES_NOT_EXIST');
    expect((await refresh('07', guardId)).status).toBe(204);
  });

  test.each(['x', '07', UNKNOWN.slice(1), `${UNKNOWN}0`, `${UNKNOWN}%0A`])('%s is no guard id', async (id) => {
    for (const act of [refresh, remove]) {
      const { status, body } = await act('u1', id);
      expect([status, body.code, body.errors?.[0].path]).toEqual([400, 'invalid_request', 'id']);
    }
  });

  test('a session held by beats is no guard', async () => {
    await sidecar.request('POST', '/heartbeat', { userId: 'u1', streamId: 's', sessionId: UNKNOWN });
    expect((await refresh('u1', UNKNOWN)).status).toBe(404);
    expect((await remove('u1', UNKNOWN)).status).toBe(404);
    expect((await sidecar.get('/concurrency/user/u1')).body.current).toBe(1);
  });

  test('a deleted guard is never resurrected by racing refreshes', async () => {
    const { guardId } = (await create('u1')).body;
    const acts = Array.from({ length: 60 }, (_, i) => (i === 20 ? remove('u1', guardId) : refresh('u1', guardId)));
    const replies = await Promise.all(acts);
    expect(replies[20]?.status).toBe(204);
    expect(replies.every(({ status }) => status === 204 || status === 404)).toBe(true);
    expect((await refresh('u1', guardId)).status).toBe(404);
    expect((await sidecar.get('/concurrency/user/u1')).body.current).toBe(0);
  });

  test('[P5] an evicted guard does not exist any more', async () => {
    const { guardId } = (await create('u1')).body;
    await sidecar.request('DELETE', `/sessions/u1/${guardId}`);
    expect((await refresh('u1', guardId)).body.errorCode).toBe('GUARD_DOES_NOT_EXIST');
  });
});
