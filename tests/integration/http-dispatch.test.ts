import { afterEach, expect, test } from '@jest/globals';
import type { IncomingRequest } from '../../gateway/http/exchange.ts';
import { MemoryStore } from '../../presence-core/index.ts';
import { startSidecar, type TestSidecar } from '../support/sidecar.ts';
import { hsToken, SECRET } from '../support/tokens.ts';

let sidecar: TestSidecar;

afterEach(() => sidecar.close());

test('a request is read before the dispatch first yields, whatever of it matters', async () => {
  sidecar = await startSidecar(new MemoryStore(), {
    AUTH: 'jwt',
    JWT_SECRET: SECRET,
    ALLOWED_ORIGINS: 'https://a.example',
    TRUSTED_PROXIES: '10.0.0.1',
    RATE_REQUESTS_PER_SECOND: '100',
  });
  const headers: Record<string, string> = {
    authorization: `Bearer ${await hsToken({ sub: 'u1' })}`,
    'content-type': 'application/json',
    origin: 'https://a.example',
    'x-forwarded-for': '10.0.0.9',
    'x-request-id': 'mine',
    'x-user-id': 'u1',
  };
  const asked: string[] = [];
  let hasYielded = false;
  const read = <T>(what: string, value: T): T => {
    asked.push(hasYielded ? `${what} too late` : what);
    return value;
  };
  const incoming: IncomingRequest = {
    method: 'POST',
    url: '/guards',
    get remoteAddress() {
      return read('remoteAddress', '10.0.0.1');
    },
    header: (name) => read(name, headers[name]),
    readBody: () => read('body', Promise.resolve(Buffer.from('{"streamId":"s1"}'))),
    dropBody: () => undefined,
  };
  const answering = sidecar.dispatch(incoming);
  hasYielded = true;
  const { status, headers: answered } = await answering;
  expect([status, answered['x-request-id'], answered['access-control-allow-origin']]).toEqual([
    200,
    'mine',
    'https://a.example',
  ]);
  expect([...new Set(asked)].sort()).toEqual(
    [
      ...Object.keys(headers),
      'body',
      'host',
      'content-encoding',
      'remoteAddress',
      'sec-fetch-site',
      'x-api-key',
    ].sort(),
  );
});

test('the body of a caller without access is let go, as soon as that is known', async () => {
  sidecar = await startSidecar(new MemoryStore(), { AUTH: 'jwt', JWT_SECRET: SECRET });
  let isDropped = false;
  const incoming: IncomingRequest = {
    method: 'POST',
    url: '/guards',
    remoteAddress: '10.0.0.1',
    header: () => undefined,
    // It never arrives.
    readBody: () => new Promise(() => undefined),
    dropBody: () => {
      isDropped = true;
    },
  };
  expect((await sidecar.dispatch(incoming)).status).toBe(401);
  expect(isDropped).toBe(true);
});
