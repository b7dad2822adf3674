/** Headers that caches, proxies and clients go by. */
import { afterEach, expect, test } from '@jest/globals';
import { MemoryStore } from '../../presence-core/index.ts';
import { startSidecar, type TestSidecar } from '../support/sidecar.ts';
import { apiKeyEntry, SECRET } from '../support/tokens.ts';

let sidecar: TestSidecar;
afterEach(() => sidecar.close());

test('answers about presence are not stored, problems neither; documents are checked again', async () => {
  sidecar = await startSidecar();
  const caching = async (path: string) => (await sidecar.get(path)).headers.get('cache-control');
  for (const path of [
    '/status/user/u',
    '/online',
    '/stats/top?by=stream',
    '/concurrency/user/u',
    '/readyz',
    '/nowhere',
  ]) {
    expect([path, await caching(path)]).toEqual([path, 'no-store']);
  }
  for (const path of ['/docs', '/openapi.json']) expect([path, await caching(path)]).toEqual([path, 'no-cache']);
});

test('what has two forms under one URL says by which header', async () => {
  sidecar = await startSidecar(new MemoryStore(), { ALLOWED_ORIGINS: 'https://a.example' });
  const path = `/analytics?timestamp=${Date.now()}`;
  const asText = await sidecar.request('GET', path);
  const asJson = await sidecar.request('GET', path, undefined, {
    accept: 'application/json',
    origin: 'https://a.example',
  });
  expect(asText.headers.get('vary')).toBe('accept, origin');
  expect(asJson.headers.get('vary')).toBe('accept, origin');
});

test('every 401 has a challenge, also that of guards without a user', async () => {
  const API_KEYS = apiKeyEntry('machine', 'player', 'a key');
  sidecar = await startSidecar(new MemoryStore(), { AUTH: 'jwt', JWT_SECRET: SECRET, API_KEYS });
  for (const headers of [{}, { 'x-api-key': 'wrong' }, { 'x-api-key': 'a key' }] as Record<string, string>[]) {
    const reply = await sidecar.request('POST', '/guards', {}, headers);
    expect([reply.status, reply.headers.get('www-authenticate')]).toEqual([
      401,
      expect.stringContaining('Bearer realm'),
    ]);
  }
});
