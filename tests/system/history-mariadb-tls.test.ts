/** The history over TLS: whose certificate is believed. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { historyAct } from '../support/history-process.ts';
import { startMariadb, type TestMariadb } from '../support/mariadb-server.ts';

/** A new server lays out its files first. */
const START_MS = 300_000;

const folder = mkdtempSync(join(tmpdir(), 'presence-tls-'));
const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
let server: TestMariadb;

function certify(name: string): void {
  const forName = ['-subj', `/CN=${name}`, '-addext', `subjectAltName=DNS:${name}`];
  const files = ['-keyout', key, '-out', certificate];
  execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1', ...forName, ...files], {
    stdio: 'ignore',
  });
}

beforeAll(async () => {
  certify('other.example');
  server = await startMariadb({ args: [`--ssl-key=${key}`, `--ssl-cert=${certificate}`] });
}, START_MS);
afterAll(async () => {
  await server?.stop();
  rmSync(folder, { recursive: true, force: true });
});

test('ssl=true believes a trusted certificate for the name of the host, and no other', async () => {
  const url = new URL(await server.newUrl());
  url.hostname = 'localhost';
  url.search = '?ssl=true';
  const start = (env: Record<string, string> = {}): Promise<string> => historyAct(['start', url.href], env);
  const trusting = { NODE_EXTRA_CA_CERTS: certificate };
  expect(await start(trusting)).toContain('history_misconfigured');
  certify('localhost');
  await server.query('flush ssl');
  expect(await start()).toContain('history_misconfigured');
  expect(await start(trusting)).toBe('started');
  // What the server demands is what it is given: the connection is encrypted indeed.
  await server.query("alter user 'presence'@'%' require ssl");
  expect(await start(trusting)).toBe('started');
});
