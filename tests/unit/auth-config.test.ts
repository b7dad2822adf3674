import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { createApiKeys } from '../../gateway/auth/api-keys.ts';
import { SCOPES } from '../../gateway/auth/identity.ts';
import { ConfigError, describeConfig, loadConfig } from '../../gateway/config/config.ts';
import { apiKeyEntry, SECRET } from '../support/tokens.ts';

function faultsOf(env: Record<string, string>): readonly string[] {
  try {
    loadConfig(env, []);
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
  return [];
}

const folder = mkdtempSync(join(tmpdir(), 'presence-keys-'));
afterAll(() => rmSync(folder, { recursive: true }));

const pems = (keys: {
  publicKey: { export(options: object): unknown };
  privateKey: { export(o: object): unknown };
}) => ({
  pem: String(keys.publicKey.export({ type: 'spki', format: 'pem' })),
  privatePem: String(keys.privateKey.export({ type: 'pkcs8', format: 'pem' })),
});
const { pem, privatePem } = pems(generateKeyPairSync('rsa', { modulusLength: 2048 }));
const weak = pems(generateKeyPairSync('rsa', { modulusLength: 1024 })).pem;
const otherCurve = pems(generateKeyPairSync('ec', { namedCurve: 'secp256k1' })).pem;

const BY_SECRET = { AUTH: 'jwt', JWT_SECRET: SECRET };

describe('configuration of authentication', () => {
  test.each<[string, Record<string, string>]>([
    ['a secret', BY_SECRET],
    ['a PEM', { AUTH: 'jwt', JWT_PUBLIC_KEY: pem }],
    ['a PEM with \\n', { AUTH: 'jwt', JWT_PUBLIC_KEY: pem.replaceAll('\n', '\\n') }],
    ['a key set', { AUTH: 'jwt', JWKS_URL: 'https://issuer.example/keys' }],
    ['a key set on loopback', { AUTH: 'jwt', JWKS_URL: 'http://[::1]:9/keys' }],
    ['a host beyond loopback', { ...BY_SECRET, HOST: '0.0.0.0' }],
    [
      'API keys',
      { ...BY_SECRET, API_KEYS: `${apiKeyEntry('a', 'read', 'k')},${apiKeyEntry('b', 'presence:admin', 'l')}` },
    ],
    ['proxies', { TRUSTED_PROXIES: '10.0.0.0/8,127.0.0.1,fd00::/8,::1' }],
    ['rates', { RATE_MESSAGES_PER_SECOND: '10', RATE_MESSAGES_BURST: '20' }],
  ])('accepts %s', (_, env) => {
    expect(faultsOf(env)).toEqual([]);
  });

  test('reads a PEM from its file', () => {
    const file = join(folder, 'key.pem');
    writeFileSync(file, pem);
    expect(loadConfig({ AUTH: 'jwt', JWT_PUBLIC_KEY: file }, []).jwtPublicKey).toBe(pem);
  });

  test.each<[Record<string, string>, string]>([
    [{ AUTH: 'jwt' }, 'exactly one'],
    [{ ...BY_SECRET, JWKS_URL: 'https://issuer.example/keys' }, 'exactly one'],
    [{ AUTH: 'jwt', JWT_SECRET: SECRET.slice(0, 31) }, 'JWT_SECRET'],
    [{ AUTH: 'jwt', JWT_SECRET: pem }, 'JWT_SECRET'],
    [{ AUTH: 'jwt', JWKS_URL: 'http://issuer.example/keys' }, 'JWKS_URL'],
    [{ AUTH: 'jwt', JWKS_URL: 'keys' }, 'JWKS_URL'],
    [{ JWT_SECRET: SECRET }, 'AUTH=jwt'],
    [{ API_KEYS: apiKeyEntry('a', 'read', 'k') }, 'AUTH=jwt'],
    [{ ...BY_SECRET, API_KEYS: 'a:read:abc' }, 'API_KEYS'],
    [{ ...BY_SECRET, API_KEYS: apiKeyEntry('a', 'root', 'k') }, 'API_KEYS'],
    [{ ...BY_SECRET, API_KEYS: `${apiKeyEntry('a', 'read', 'k')},${apiKeyEntry('b', 'admin', 'k')}` }, 'twice'],
    [{ ...BY_SECRET, JWT_CLOCK_TOLERANCE_S: '301' }, 'JWT_CLOCK_TOLERANCE_S'],
    [{ TRUSTED_PROXIES: '10.0.0.0/33' }, 'TRUSTED_PROXIES'],
    [{ TRUSTED_PROXIES: 'proxy.example' }, 'must be a comma-separated list of IP addresses'],
    [{ RATE_CONNECTS_BURST: '5' }, 'RATE_CONNECTS_BURST'],
    [{ RATE_REQUESTS_PER_SECOND: '-1' }, 'RATE_REQUESTS_PER_SECOND'],
  ])('refuses %#', (env, named) => {
    expect(faultsOf(env)).toEqual([expect.stringContaining(named)]);
  });

  test.each([
    ['a private key', privatePem],
    ['a short RSA key', weak],
    ['a curve that signs no tokens', otherCurve],
    ['no PEM', '-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----'],
    ['a file that is not there', '/nowhere/key.pem'],
  ])('refuses %s', (_, JWT_PUBLIC_KEY) => {
    const faults = faultsOf({ AUTH: 'jwt', JWT_PUBLIC_KEY });
    expect(faults).toEqual([expect.stringContaining('JWT_PUBLIC_KEY: must be a public key')]);
  });

  test('prints no secret, neither in faults nor in the log', () => {
    const entry = apiKeyEntry('machine', 'read', 'k');
    const config = loadConfig({ ...BY_SECRET, API_KEYS: entry }, []);
    const printed = JSON.stringify(describeConfig(config));
    expect(printed).not.toContain(SECRET);
    expect(printed).not.toContain(entry.slice(-64));
    expect(describeConfig(loadConfig({}, []))).toMatchObject({ apiKeys: [], jwtSecret: '' });
    const faults = faultsOf({
      JWT_SECRET: 'hunter2',
      JWKS_URL: 'http://hunter2',
      API_KEYS: 'hunter2',
      JWT_PUBLIC_KEY: 'hunter2',
    });
    expect(faults.length).toBeGreaterThan(3);
    expect(faults.join()).not.toContain('hunter2');
  });
});

describe('API keys', () => {
  test('are found by what they hash to, each with its scope', () => {
    const find = createApiKeys([apiKeyEntry('a', 'read', 'first'), apiKeyEntry('b', 'admin', 'second')]);
    expect(find('first')).toEqual({ machine: 'a', scopes: SCOPES.read });
    expect(find('second')).toEqual({ machine: 'b', scopes: SCOPES.admin });
    for (const wrong of ['', 'third', apiKeyEntry('a', 'read', 'first').slice(-64)])
      expect(find(wrong)).toBeUndefined();
  });
});
