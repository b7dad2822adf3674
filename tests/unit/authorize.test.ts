/** What a request over its rate may still cost: an authenticator that counts. */
import { beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { Authentication, Credentials } from '../../gateway/auth/authenticator.ts';
import { SCOPES } from '../../gateway/auth/identity.ts';
import { type Authorize, createAuthorize } from '../../gateway/http/authorize.ts';
import type { IncomingRequest } from '../../gateway/http/exchange.ts';
import type { Route } from '../../gateway/http/route.ts';
import { ClientRate, Rate } from '../../gateway/limits/rate-limit.ts';

const BURST = 3;

const authenticate = jest.fn<(credentials: Credentials) => Promise<Authentication>>();
let authorize: Authorize;
let wanted: Pick<Route, 'scope' | 'method'>;

beforeEach(() => {
  // No bucket fills up during a test.
  const requestRate = new ClientRate(new Rate(1e-6, BURST));
  const authenticator = { required: true, authenticate };
  authorize = createAuthorize({ authenticator, clientAddress: (address) => address, requestRate });
  wanted = { scope: 'read', method: 'GET' };
  authenticate.mockReset().mockImplementation(async ({ token }) => {
    if (token === undefined || token === 'bad') return { outcome: 'unknown', detail: 'bad' };
    if (token === 'away') return { outcome: 'unavailable', detail: 'no keys' };
    return { outcome: 'known', identity: { userId: token, scopes: SCOPES.read } };
  });
});

/** @returns `ok`, or the code of the problem. */
function call(token: string | undefined, from = '198.51.100.1'): Promise<string> {
  const authorization = token === undefined ? undefined : `Bearer ${token}`;
  const incoming: IncomingRequest = {
    method: 'GET',
    url: '/',
    remoteAddress: from,
    header: (name) => (name === 'authorization' ? authorization : undefined),
    readBody: async () => Buffer.alloc(0),
    dropBody: () => undefined,
  };
  return authorize(incoming, wanted as Route).then(
    () => 'ok',
    (problem) => problem.code,
  );
}

async function calls(times: number, ...args: Parameters<typeof call>): Promise<string[]> {
  const outcomes: string[] = [];
  for (let i = 0; i < times; i++) outcomes.push(await call(...args));
  return outcomes;
}

describe('an address that used up its rate', () => {
  test.each([
    ['bad', 'unauthenticated'],
    [undefined, 'unauthenticated'],
    ['away', 'store_unavailable'],
  ])('on credentials that did not pass (%s) gets none checked any more, good ones included', async (token, code) => {
    expect(await calls(BURST + 2, token)).toEqual([...Array(BURST).fill(code), 'rate_limited', 'rate_limited']);
    expect(await call('good')).toBe('rate_limited');
    expect(authenticate).toHaveBeenCalledTimes(BURST);
  });

  test('leaves other addresses alone', async () => {
    await calls(BURST + 1, 'bad');
    expect(await call('good', '198.51.100.2')).toBe('ok');
  });
});

describe('a user that used up its rate', () => {
  test('is limited from every address, and takes nothing from others of its address', async () => {
    expect(await calls(BURST + 1, 'ann')).toEqual([...Array(BURST).fill('ok'), 'rate_limited']);
    expect(await call('ann', '198.51.100.2')).toBe('rate_limited');
    expect(await call('bob')).toBe('ok');
  });

  test('pays for what it may not do, too', async () => {
    wanted = { scope: 'admin', method: 'PUT' };
    expect(await calls(BURST + 1, 'ann')).toEqual([...Array(BURST).fill('forbidden'), 'rate_limited']);
  });
});

test('a route without a scope asks for nothing, and counts for nothing', async () => {
  wanted = { scope: 'none', method: 'GET' };
  expect(await calls(BURST + 5, 'bad')).toEqual(Array(BURST + 5).fill('ok'));
  expect(authenticate).not.toHaveBeenCalled();
});
