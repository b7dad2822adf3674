/** Ids that a path cannot hold: clients and proxies resolve the segments `.` and `..`, also when they are encoded. */
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { startSidecar, type TestSidecar } from '../support/sidecar.ts';

let sidecar: TestSidecar;
beforeEach(async () => {
  sidecar = await startSidecar();
});
afterEach(() => sidecar.close());

/** Without the check against the paths of the API description, which has one for each route. */
async function ask(method: string, path: string, body?: object): Promise<[number, Record<string, unknown>]> {
  const response = await fetch(`${sidecar.url}${path}`, {
    method,
    ...(body && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
  });
  const text = await response.text();
  return [response.status, text === '' ? {} : JSON.parse(text)];
}

test.each(['.', '..'])('user, session and stream %s are named in the query', async (id) => {
  await sidecar.request('POST', '/heartbeat', { userId: id, sessionId: id, streamId: id });
  await sidecar.request('POST', '/heartbeat', { userId: id, sessionId: 'other', streamId: id });
  expect(await ask('GET', `/status/user?userId=${id}`)).toMatchObject([200, { userId: id, sessions: 2 }]);
  expect(await ask('GET', `/concurrency/user?userId=${id}`)).toMatchObject([200, { userId: id, current: 2 }]);
  expect(await ask('GET', `/stats/viewercount/streams?streamId=${id}`)).toMatchObject([200, { sessions: 2 }]);
  expect(await ask('GET', `/stats/viewercount/users?userId=${id}`)).toMatchObject([200, { sessions: 2 }]);
  expect((await ask('PUT', `/limits?userId=${id}`, { max: 7 }))[0]).toBeLessThan(300);
  expect(await ask('GET', `/concurrency/user?userId=${id}`)).toMatchObject([200, { max: 7 }]);
  expect(await ask('DELETE', `/sessions?userId=${id}&sessionId=${id}`)).toMatchObject([204, {}]);
  expect(await ask('GET', `/concurrency/user?userId=${id}`)).toMatchObject([200, { current: 1 }]);
  expect(await ask('DELETE', `/sessions?userId=${id}`)).toMatchObject([204, {}]);
  expect(await ask('GET', `/status/user?userId=${id}`)).toMatchObject([200, { online: false }]);
});

test('ids in the query are checked like those in the path; without them there is no route', async () => {
  expect(await ask('GET', '/status/user?userId=a%20b')).toMatchObject([400, { errors: [{ path: 'userId' }] }]);
  expect(await ask('GET', '/status/user?userId=a&userId=b')).toMatchObject([400, { errors: [{ path: 'userId' }] }]);
  for (const path of ['/status/user', '/status/user?user=a', '/sessions?sessionId=a']) {
    expect((await ask(path.startsWith('/sessions') ? 'DELETE' : 'GET', path))[0]).toBe(404);
  }
  expect(await ask('POST', '/limits?userId=a')).toMatchObject([405, {}]);
});
