/** Where the claims of a token are, and the examples of the guide: each is run as it stands there. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { claimAt, limitOf, scopesOf, userIdOf } from '../../gateway/auth/claims.ts';
import { createAuthenticator } from '../../gateway/auth/create-authenticator.ts';
import { SCOPES, type Scope } from '../../gateway/auth/identity.ts';
import { type ConfigError, loadConfig } from '../../gateway/config/config.ts';
import { inSeconds, issuer, SECRET, serveKeySet } from '../support/tokens.ts';

describe('a claim', () => {
  const claims = {
    sub: 'u',
    'https://example.com/limit': 5,
    'a.b': 'whole',
    a: { b: 'by path', c: { d: 'deep' }, 'c.d': 'longer name' },
    resource_access: { 'tv.example.com': { roles: ['r'] }, tv: { 'example.com': 'shadowed', other: 1 } },
    list: ['x'],
    empty: null,
    text: 'abc',
  };
  test.each([
    ['sub', 'u'],
    ['https://example.com/limit', 5],
    ['a.b', 'whole'],
    ['a.c.d', 'longer name'],
    ['resource_access.tv.example.com.roles', ['r']],
    ['resource_access.tv.example.com', { roles: ['r'] }],
    ['resource_access.tv.other', 1],
    ['empty', null],
    ['a.x', undefined],
    ['x', undefined],
    ['list.0', undefined],
    ['text.length', undefined],
    ['constructor.name', undefined],
    ['__proto__', undefined],
    ['empty.x', undefined],
  ])('%s', (path, value) => {
    expect(claimAt(claims, path)).toEqual(value);
  });

  test('is a user, a scope or a limit in several forms', () => {
    expect([userIdOf('auth0|a'), userIdOf(12), userIdOf(0)]).toEqual(['auth0|a', '12', '0']);
    expect(['', 'a b', '*', 1.5, 2 ** 53, null, true, {}, ['a']].map(userIdOf)).toEqual(Array(9).fill(undefined));
    const both = SCOPES.player | SCOPES.read;
    expect(scopesOf('openid presence:player presence:read presence:x')).toBe(both);
    expect(scopesOf(['presence:player', 'presence:read', 'read', 'constructor'])).toBe(both);
    expect([scopesOf(''), scopesOf([])]).toEqual([0, 0]);
    expect([7, {}, true, ['presence:read', 7]].map(scopesOf)).toEqual(Array(4).fill(undefined));
    expect([1, 100, '1', '100', '007'].map(limitOf)).toEqual([1, 100, 1, 100, 7]);
    expect([0, 101, 1.5, '0', '101', '1.0', '', ' 1', true, null, [3]].map(limitOf)).toEqual(Array(11).fill(undefined));
  });
});

describe('the settings of claims', () => {
  const faultsOf = (env: Record<string, string>): readonly string[] => {
    try {
      loadConfig(env, []);
      return [];
    } catch (error) {
      return (error as ConfigError).faults;
    }
  };
  const BY_SECRET = { AUTH: 'jwt', JWT_SECRET: SECRET };

  test.each(['.', 'a.', '.a', 'a..b', 'a b', 'a\tb', 'a\u200bb'])('refuse %j', (claim) => {
    const must = 'must be the name of a claim, or a path of names with dots between, such as realm_access.roles';
    expect(faultsOf({ ...BY_SECRET, JWT_USER_CLAIM: claim })).toEqual([
      `JWT_USER_CLAIM ${JSON.stringify(claim)}: ${must}`,
    ]);
  });

  test.each(['JWT_USER_CLAIM', 'JWT_SCOPE_CLAIM', 'JWT_LIMIT_CLAIM'])('%s needs authentication', (name) => {
    expect(faultsOf({ [name]: 'x' })).toEqual([
      `${name}: without AUTH=jwt everyone is served unchecked; set it, or unset these`,
    ]);
    for (const claim of ['x', 'a.b', 'https://example.com/limit', 'cognito:groups', 'größe.max']) {
      expect(faultsOf({ ...BY_SECRET, [name]: claim })).toEqual([]);
    }
  });
});

interface GuideExample {
  readonly name: string;
  readonly env: Record<string, string>;
  readonly claims: Record<string, unknown>;
  readonly expected: { readonly userId: string; readonly scopes: readonly Scope[]; readonly limit?: number };
}

const GUIDE = readFileSync(new URL('../../gateway/auth/README.md', import.meta.url), 'utf8');
const EXAMPLES: GuideExample[] = GUIDE.split(/^## /m).flatMap((section) => {
  const blocks = [...section.matchAll(/```(?:sh|json)\n(.*?)```/gs)].map(([, text]) => text as string);
  if (blocks.length === 0) return [];
  const [settings, claims, expected] = blocks as [string, string, string];
  const env = Object.fromEntries(
    settings
      .trim()
      .split('\n')
      .map((line) => line.split(/=(.*)/s, 2)),
  );
  return [
    { name: section.split('\n', 1)[0] as string, env, claims: JSON.parse(claims), expected: JSON.parse(expected) },
  ];
});

describe('the guide to identity providers', () => {
  test('has one example each', () => {
    expect(EXAMPLES.map(({ name }) => name)).toEqual(['Auth0', 'Cognito', 'Firebase', 'Keycloak', 'Entra ID']);
  });

  test.each(EXAMPLES)('$name', async ({ env, claims, expected }) => {
    const config = loadConfig(env, []);
    const signer = await issuer('RS256');
    // As Entra ID has them: without an algorithm.
    const { alg: _, ...jwk } = signer.jwk as Record<string, unknown>;
    const keys = await serveKeySet([jwk]);
    try {
      const { authenticate } = createAuthenticator({ ...config, jwksUrl: keys.url });
      const of = async (more: object = {}) =>
        authenticate({ token: await signer.token({ scope: undefined, ...claims, exp: inSeconds(60), ...more }) });
      const { userId, scopes, limit } = expected;
      const bits = scopes.reduce((all, scope) => all | SCOPES[scope], 0);
      const answer = await of();
      expect(answer).toEqual({
        outcome: 'known',
        identity: { userId, scopes: bits, ...(limit && { limit }), expiresAt: expect.any(Number) },
      });
      for (const wrong of [{ iss: 'https://other.example.com/' }, { aud: 'another' }]) {
        expect((await of(wrong)).outcome).toBe('unknown');
      }
      const [user = ''] = (env.JWT_USER_CLAIM ?? 'sub').split('.');
      expect(await of({ [user]: undefined })).toMatchObject({
        outcome: 'unknown',
        detail: `The claim ${user} of the token is missing or not accepted.`,
      });
      const [scope = ''] = (env.JWT_SCOPE_CLAIM ?? 'scope').split('.');
      expect(await of({ [scope]: undefined })).toMatchObject({ outcome: 'known', identity: { userId, scopes: 0 } });
    } finally {
      await keys.close();
    }
  });
});
