import { createHmac } from 'node:crypto';
import { afterEach, describe, expect, test } from '@jest/globals';
import { UnsecuredJWT } from 'jose';
import type { Authentication, AuthOptions } from '../../gateway/auth/authenticator.ts';
import { createAuthenticator } from '../../gateway/auth/create-authenticator.ts';
import { may, SCOPES } from '../../gateway/auth/identity.ts';
import { hsToken, inSeconds, issuer, type KeySetServer, SECRET, serveKeySet } from '../support/tokens.ts';

const NONE: AuthOptions = {
  auth: 'jwt',
  jwtSecret: '',
  jwtPublicKey: '',
  jwksUrl: '',
  jwtIssuer: '',
  jwtAudience: '',
  jwtClockToleranceS: 0,
  jwtUserClaim: 'sub',
  jwtScopeClaim: 'scope',
  jwtLimitClaim: 'max_streams',
  apiKeys: [],
};

const ask = (options: Partial<AuthOptions>, token: string): Promise<Authentication> =>
  createAuthenticator({ ...NONE, ...options }).authenticate({ token });
const base64 = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

describe('a secret', () => {
  const bySecret = (token: string, options: Partial<AuthOptions> = {}) => ask({ jwtSecret: SECRET, ...options }, token);

  test('verifies what it signed and reads the claims', async () => {
    const exp = inSeconds(60);
    const scope = 'openid presence:player presence:admin presence:other';
    const token = await hsToken({ exp, scope, max_streams: 7, on_limit: 'evict-oldest' });
    expect(await bySecret(token)).toEqual({
      outcome: 'known',
      identity: {
        userId: 'u',
        scopes: SCOPES.player | SCOPES.admin,
        limit: 7,
        onLimit: 'evict-oldest',
        expiresAt: exp * 1_000,
      },
    });
  });

  test.each<[string, () => Promise<string> | string, string]>([
    ['another secret', () => hsToken({}, 'x'.repeat(32)), 'not signed by a known key'],
    ['no signature (alg none)', () => new UnsecuredJWT({ sub: 'u', exp: inSeconds(60) }).encode(), ''],
    ['alg None', () => `${base64({ alg: 'None' })}.${base64({ sub: 'u', exp: inSeconds(60) })}.`, ''],
    ['no exp', () => hsToken({ exp: undefined }), 'claim exp'],
    ['no sub', () => hsToken({ sub: undefined }), 'claim sub'],
    ['a sub that is no id', () => hsToken({ sub: 'a b' }), 'claim sub'],
    ['an empty sub', () => hsToken({ sub: '' }), 'claim sub'],
    ['an end in the past', () => hsToken({ exp: inSeconds(-1) }), 'expired'],
    ['an end as a text', () => hsToken({ exp: '9999999999' as never }), 'claim exp'],
    ['a begin in the future', () => hsToken({ nbf: inSeconds(60) }), 'claim nbf'],
    ['max_streams of 0', () => hsToken({ max_streams: 0 }), 'max_streams'],
    ['max_streams of 101', () => hsToken({ max_streams: 101 }), 'max_streams'],
    ['max_streams as a text that is no number', () => hsToken({ max_streams: '5.0' }), 'max_streams'],
    ['another on_limit', () => hsToken({ on_limit: 'never' }), 'on_limit'],
    ['a scope that is neither text nor array', () => hsToken({ scope: 7 as never }), 'scope'],
    ['a scope of other things', () => hsToken({ scope: ['presence:admin', 7] as never }), 'scope'],
    ['a sub of an object', () => hsToken({ sub: {} as never }), 'claim sub'],
    ['a sub that is not whole', () => hsToken({ sub: 1.5 as never }), 'claim sub'],
    ['no token at all', () => 'nonsense', 'not a valid JWT'],
    ['an empty text', () => '', 'not a valid JWT'],
  ])('refuses %s', async (_, make, told) => {
    const token = await make();
    const answer = await bySecret(token);
    expect(answer).toEqual({ outcome: 'unknown', detail: expect.stringContaining(told) });
    if (token !== '') expect(JSON.stringify(answer)).not.toContain(token);
  });

  test('demands issuer and audience when they are configured', async () => {
    const configured = { jwtIssuer: 'https://issuer.example', jwtAudience: 'presence' };
    const right = { iss: 'https://issuer.example', aud: ['other', 'presence'] };
    expect(await bySecret(await hsToken(right), configured)).toMatchObject({ outcome: 'known' });
    for (const wrong of [{ iss: 'https://evil.example' }, { iss: undefined }, { aud: 'other' }, { aud: undefined }]) {
      const answer = await bySecret(await hsToken({ ...right, ...wrong }), configured);
      expect(answer).toMatchObject({ outcome: 'unknown', detail: expect.stringMatching(/claim (iss|aud)/) });
    }
  });

  test('forgives clocks that differ by as much as is configured', async () => {
    const exp = inSeconds(-20);
    const answer = await bySecret(await hsToken({ exp }), { jwtClockToleranceS: 60 });
    expect(answer).toMatchObject({ outcome: 'known', identity: { expiresAt: (exp + 60) * 1_000 } });
  });

  test('a token without scopes may do nothing', async () => {
    const answer = await bySecret(await hsToken({ scope: undefined }));
    if (answer.outcome !== 'known') throw new Error(answer.detail);
    expect([may(answer.identity, 'player'), may(answer.identity, 'read')]).toEqual([false, false]);
  });
});

describe('a public key', () => {
  test.each(['RS256', 'RS512', 'PS256', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'])('%s', async (alg) => {
    const keys = await issuer(alg);
    expect(await ask({ jwtPublicKey: keys.pem }, await keys.token())).toMatchObject({ outcome: 'known' });
    const stranger = await issuer(alg);
    expect(await ask({ jwtPublicKey: keys.pem }, await stranger.token())).toMatchObject({ outcome: 'unknown' });
  });

  test('is not taken for an HMAC secret', async () => {
    const { pem } = await issuer('RS256');
    const signed = `${base64({ alg: 'HS256', typ: 'JWT' })}.${base64({ sub: 'u', exp: inSeconds(60) })}`;
    for (const secret of [pem, pem.trim()]) {
      const signature = createHmac('sha256', secret).update(signed).digest('base64url');
      const answer = await ask({ jwtPublicKey: pem }, `${signed}.${signature}`);
      expect(answer).toEqual({ outcome: 'unknown', detail: expect.stringContaining('(alg)') });
    }
  });

  test('accepts no signature of another kind of key', async () => {
    const [rsa, ec] = [await issuer('RS256'), await issuer('ES256')];
    expect(await ask({ jwtPublicKey: rsa.pem }, await ec.token())).toMatchObject({ outcome: 'unknown' });
    expect(await ask({ jwtSecret: SECRET }, await rsa.token())).toMatchObject({ outcome: 'unknown' });
  });
});

describe('a key set', () => {
  let server: KeySetServer;
  afterEach(() => server.close());

  test('verifies, and is fetched once for a flood of unknown keys', async () => {
    const keys = await issuer('RS256');
    server = await serveKeySet([keys.jwk]);
    const { authenticate } = createAuthenticator({ ...NONE, jwksUrl: server.url });
    expect(await authenticate({ token: await keys.token() })).toMatchObject({ outcome: 'known' });
    const flood = await Promise.all(
      Array.from({ length: 50 }, async (_, i) => authenticate({ token: await keys.token({}, { kid: `x${i}` }) })),
    );
    expect(new Set(flood.map(({ outcome }) => outcome))).toEqual(new Set(['unknown']));
    expect(server.requests).toBe(1);
  });

  test('that fails is asked once per cool-down, and what it says is that tokens cannot be checked', async () => {
    const keys = await issuer('ES256');
    server = await serveKeySet([keys.jwk]);
    server.status = 500;
    const { authenticate } = createAuthenticator({ ...NONE, jwksUrl: server.url });
    const token = await keys.token();
    for (let i = 0; i < 20; i++) expect(await authenticate({ token })).toMatchObject({ outcome: 'unavailable' });
    expect(server.requests).toBe(1);
  });

  test('that never answers is not waited for without end', async () => {
    const keys = await issuer('ES256');
    server = await serveKeySet([keys.jwk]);
    server.status = 0;
    const flood = Array.from({ length: 5 }, async () => ask({ jwksUrl: server.url }, await keys.token()));
    for (const answer of await Promise.all(flood)) expect(answer).toMatchObject({ outcome: 'unavailable' });
  });

  test('rotates: a new key is picked up, and the old set serves while the server is down', async () => {
    const [former, next] = [await issuer('ES256', 'k1'), await issuer('ES256', 'k2')];
    server = await serveKeySet([former.jwk]);
    const { authenticate } = createAuthenticator({ ...NONE, jwksUrl: server.url, jwksCooldownMs: 0 });
    expect(await authenticate({ token: await former.token() })).toMatchObject({ outcome: 'known' });
    expect(await authenticate({ token: await next.token() })).toMatchObject({ outcome: 'unknown' });
    server.keys = [next.jwk];
    expect(await authenticate({ token: await next.token() })).toMatchObject({ outcome: 'known' });
    expect(await authenticate({ token: await former.token() })).toMatchObject({ outcome: 'unknown' });
    server.status = 503;
    expect(await authenticate({ token: await next.token() })).toMatchObject({ outcome: 'known' });
    expect(await authenticate({ token: await former.token() })).toMatchObject({ outcome: 'unknown' });
  });

  test('that is empty, no set, or too large does not replace the last one, and the cause is told once', async () => {
    const keys = await issuer('ES256');
    server = await serveKeySet([keys.jwk]);
    const lines: [object, string][] = [];
    const options = {
      jwksUrl: server.url,
      jwksCooldownMs: 0,
      warn: (...line: [object, string]) => void lines.push(line),
    };
    const { authenticate } = createAuthenticator({ ...NONE, ...options });
    const token = await keys.token();
    expect(await authenticate({ token })).toMatchObject({ outcome: 'known' });
    const unknown = await keys.token({}, { kid: 'other' });
    for (const body of ['{"keys":[]}', '[]', 'nonsense', `{"keys":["${'x'.repeat(600_000)}"]}`]) {
      server.body = body;
      // It has the set fetched again.
      expect(await authenticate({ token: unknown })).toMatchObject({ outcome: 'unknown' });
      expect(await authenticate({ token })).toMatchObject({ outcome: 'known' });
    }
    expect(lines).toEqual([
      [{ cause: 'its key set is empty', failures: 1 }, expect.stringContaining('by the last key set')],
    ]);
    delete (server as { body?: string }).body;
    expect(await authenticate({ token: unknown })).toMatchObject({ outcome: 'unknown' });
    expect(lines.at(-1)).toEqual([{ failures: expect.any(Number) }, 'the key set of JWKS_URL is fetched again']);
  });

  test.each<[string, (server: KeySetServer) => void, string]>([
    [
      'another status',
      (it) => {
        it.status = 500;
      },
      'it answers with status 500',
    ],
    [
      'no set',
      (it) => {
        it.body = '<html>';
      },
      'its answer is not a JSON Web Key Set',
    ],
    [
      'too large a body',
      (it) => {
        it.body = 'x'.repeat(600_000);
      },
      'its answer has more than 524288 bytes',
    ],
  ])('that cannot be fetched at the start is told before any token comes: %s', async (_, fault, cause) => {
    server = await serveKeySet([]);
    fault(server);
    const line = await new Promise((warned) => {
      createAuthenticator({ ...NONE, jwksUrl: server.url, warn: (...args) => warned(args) });
    });
    expect(line).toEqual([{ cause, failures: 1 }, expect.stringContaining('no token can be verified')]);
  });

  test('of a server that is not there is told without its URL', async () => {
    server = await serveKeySet([]);
    await server.close();
    const jwksUrl = server.url.replace('/keys', '/hush');
    const line = await new Promise((warned) => {
      createAuthenticator({ ...NONE, jwksUrl, warn: (...args) => warned(args) });
    });
    expect(line).toEqual([{ cause: 'ECONNREFUSED', failures: 1 }, expect.not.stringContaining('hush')]);
  });

  test('never verifies by HMAC, nor by none', async () => {
    const keys = await issuer('RS256');
    server = await serveKeySet([keys.jwk, { kty: 'oct', kid: 'o', k: Buffer.from(SECRET).toString('base64url') }]);
    for (const token of [await hsToken(), new UnsecuredJWT({ sub: 'u', exp: inSeconds(60) }).encode()]) {
      expect(await ask({ jwksUrl: server.url }, token)).toMatchObject({ outcome: 'unknown' });
    }
  });

  test('of several keys wants the token to name one', async () => {
    const [one, two] = [await issuer('ES256', 'k1'), await issuer('ES256', 'k2')];
    server = await serveKeySet([one.jwk, two.jwk]);
    const answer = await ask({ jwksUrl: server.url }, await one.token({}, { kid: undefined }));
    expect(answer).toEqual({ outcome: 'unknown', detail: expect.stringContaining('(kid)') });
  });
});
