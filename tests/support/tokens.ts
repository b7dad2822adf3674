/** Issuers of real tokens, and a key set served over HTTP. */
import { createHash, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, exportSPKI, generateKeyPair, type JWTPayload, SignJWT } from 'jose';

export const SECRET = randomBytes(32).toString('hex');

export const inSeconds = (seconds: number): number => Math.floor(Date.now() / 1_000) + seconds;

/** HS256 by `SECRET`. A claim given as undefined is left out. */
export function hsToken(claims: JWTPayload = {}, secret = SECRET): Promise<string> {
  const payload = { sub: 'u', exp: inSeconds(300), scope: 'presence:player', ...claims };
  return new SignJWT(payload).setProtectedHeader({ alg: 'HS256' }).sign(new TextEncoder().encode(secret));
}

export interface Issuer {
  readonly kid: string;
  readonly pem: string;
  readonly jwk: object;
  token(claims?: JWTPayload, header?: object): Promise<string>;
}

export async function issuer(alg: string, kid = 'k1'): Promise<Issuer> {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
  return {
    kid,
    pem: await exportSPKI(publicKey),
    jwk: { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' },
    token: (claims = {}, header = {}) =>
      new SignJWT({ sub: 'u', exp: inSeconds(300), scope: 'presence:player', ...claims })
        .setProtectedHeader({ alg, kid, ...header })
        .sign(privateKey),
  };
}

export interface KeySetServer {
  readonly url: string;
  keys: object[];
  /** Instead of the keys. */
  body?: string;
  /** What it answers; 0 for never. */
  status: number;
  requests: number;
  close(): Promise<void>;
}

export async function serveKeySet(keys: object[]): Promise<KeySetServer> {
  const server = createServer((_, response) => {
    served.requests += 1;
    if (served.status === 0) return;
    response.writeHead(served.status, { 'content-type': 'application/json' });
    response.end(served.body ?? JSON.stringify({ keys: served.keys }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const served: KeySetServer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`,
    keys,
    status: 200,
    requests: 0,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return served;
}

/** An entry of API_KEYS. */
export function apiKeyEntry(name: string, scope: string, key: string): string {
  return `${name}:${scope}:${createHash('sha256').update(key).digest('hex')}`;
}
