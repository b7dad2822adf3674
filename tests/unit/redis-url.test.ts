import { describe, expect, test } from '@jest/globals';
import { parseRedisUrl } from '../../presence-core/index.ts';

describe('REDIS_URL', () => {
  test.each([
    ['redis://h', { kind: 'single', nodes: [{ host: 'h', port: 6379 }], auth: {}, db: 0, tls: false }],
    [
      'rediss://:p@h:1/3',
      { kind: 'single', nodes: [{ host: 'h', port: 1 }], auth: { password: 'p' }, db: 3, tls: true },
    ],
    [
      'redis://u:a%40b%3Ac%2Fd%25@[::1]:2',
      { kind: 'single', nodes: [{ host: '::1', port: 2 }], auth: { username: 'u', password: 'a@b:c/d%' } },
    ],
    // All behind the first colon is the password.
    ['redis://u:a:b@h', { auth: { username: 'u', password: 'a:b' } }],
    [
      'redis+sentinel://:p@a,b:2/main',
      {
        kind: 'sentinel',
        name: 'main',
        nodes: [
          { host: 'a', port: 26379 },
          { host: 'b', port: 2 },
        ],
        tls: false,
      },
    ],
    ['rediss+sentinel://a/main', { kind: 'sentinel', tls: true }],
    [
      'redis+cluster://a:1,b:2',
      {
        kind: 'cluster',
        nodes: [
          { host: 'a', port: 1 },
          { host: 'b', port: 2 },
        ],
      },
    ],
    ['rediss+cluster://a/', { kind: 'cluster', tls: true }],
  ])('reads %s', (url, target) => {
    expect(parseRedisUrl(url)).toMatchObject(target);
  });

  test.each([
    ['an unescaped @', 'redis://u:hu@sh@h', 'percent-encode'],
    ['an unescaped /', 'redis://u:hu/sh@h', 'percent-encode'],
    ['an unescaped %', 'redis://u:hush%zz@h', 'percent-encode'],
    ['a % at its end', 'redis://u:hush%@h', 'percent-encode'],
    ['an unescaped #', 'redis://u:hu#sh@h', 'percent-encode'],
    ['a user alone', 'redis://hush@h', 'write user:password@'],
    ['no host', 'redis://u:hush@', 'needs a host'],
    ['a password for a port', 'redis://u:hush', 'needs a host'],
    ['a port that is none', 'redis://h:70000', 'needs a host'],
    ['a database that is no number', 'redis://h/hush', 'number as db'],
    ['several hosts', 'redis://a,b', 'redis+cluster://'],
    ['sentinels without a name', 'redis+sentinel://a', 'name of the master'],
    ['a Cluster with a database', 'redis+cluster://a/1', 'takes no database'],
    ['another scheme', 'http://u:hush@h', 'must begin with'],
    ['parameters', 'redis://h?password=hush', 'takes no parameters'],
  ])('refuses %s in words that quote none of it', (_, url, words) => {
    let message = '';
    try {
      parseRedisUrl(url);
    } catch (error) {
      message = (error as Error).message;
    }
    expect(message).toContain(words);
    expect(message).toMatch(/^REDIS_URL /);
    expect(message).not.toMatch(/hu|sh\b/);
  });
});
