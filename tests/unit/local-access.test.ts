import { expect, test } from '@jest/globals';
import { createLocalAccess } from '../../gateway/limits/local-access.ts';

const LOCAL = { host: '127.0.0.1', auth: 'off', allowedHosts: [], allowedOrigins: [] } as const;

test.each([
  ['127.0.0.1:8080', undefined, true],
  ['localhost', undefined, true],
  ['LocalHost:1', 'http://localhost:3000', true],
  ['[::1]:8081', 'http://[::1]', true],
  ['127.8.9.1', 'https://127.0.0.1', true],
  [undefined, undefined, true],
  ['evil.example:8081', undefined, false],
  ['localhost.evil.example', undefined, false],
  ['evil.example@localhost', undefined, false],
  ['', undefined, false],
  ['127.0.0.1.evil.example', undefined, false],
  ['localhost:8080', 'https://evil.example', false],
  ['localhost:8080', 'null', false],
  ['localhost:8080', 'http://localhost.evil.example', false],
])('host %s, origin %s: %s', (host, origin, isAllowed) => {
  expect(createLocalAccess(LOCAL)(host, origin) === undefined).toBe(isAllowed);
});

test.each([
  [undefined, 'cross-site', false],
  [undefined, 'same-site', true],
  [undefined, 'same-origin', true],
  [undefined, 'none', true],
  ['http://localhost:3000', 'cross-site', true],
  ['https://evil.example', 'same-origin', false],
])('origin %s, Sec-Fetch-Site %s of a request that changes something: %s', (origin, site, isAllowed) => {
  expect(createLocalAccess(LOCAL)('localhost', origin, site) === undefined).toBe(isAllowed);
});

test('without an origin, a page of another site is refused unless every origin is allowed', () => {
  const one = createLocalAccess({ ...LOCAL, allowedOrigins: ['https://a.example'] });
  expect(one('localhost', undefined, 'cross-site')).toContain('ALLOWED_ORIGINS');
  const all = createLocalAccess({ ...LOCAL, allowedOrigins: ['*'] });
  expect(all('localhost', undefined, 'cross-site')).toBeUndefined();
});

test('settings allow more, and a list of origins is all of them', () => {
  const access = createLocalAccess({
    ...LOCAL,
    allowedHosts: ['Presence.example'],
    allowedOrigins: ['https://a.example'],
  });
  expect(access('presence.example:80', 'https://a.example')).toBeUndefined();
  expect(access('other.example', undefined)).toContain('ALLOWED_HOSTS');
  expect(access('localhost', 'http://localhost')).toContain('ALLOWED_ORIGINS');
  expect(createLocalAccess({ ...LOCAL, allowedHosts: ['*'], allowedOrigins: ['*'] })('x', 'https://y')).toBeUndefined();
});

test('with authentication, or beyond loopback, nobody is refused here', () => {
  expect(createLocalAccess({ ...LOCAL, auth: 'jwt' })('evil.example', 'https://evil.example')).toBeUndefined();
  expect(createLocalAccess({ ...LOCAL, host: '0.0.0.0' })('evil.example', 'https://evil.example')).toBeUndefined();
});
