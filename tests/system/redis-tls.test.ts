/** Redis over TLS: one server, a Cluster and sentinels, whose certificates are believed, and what is said when not. */
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import type { RedisSecurity } from '../../presence-core/index.ts';
import { connectRedis, ready } from '../../presence-core/redis/connection.ts';
import { freeClusterPort, freePort, startRedis, type TestRedis } from '../support/redis-server.ts';

const folder = mkdtempSync(join(tmpdir(), 'presence-redis-tls-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const ended: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ended.splice(0).reverse()) await end();
});

const [keyFile, certFile] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
const files = ['-keyout', keyFile, '-out', certFile];
execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1', ...names, ...files], {
  stdio: 'ignore',
});
const [key, cert] = [readFileSync(keyFile, 'utf8'), readFileSync(certFile, 'utf8')];
const ca = cert;
const TLS = ['--tls-cert-file', certFile, '--tls-key-file', keyFile, '--tls-ca-cert-file', certFile];

/** It also speaks plainly, on the port by which the test asks whether it is up. */
async function startTls(
  clients: 'no' | 'yes',
  more: readonly string[] = [],
  port?: number,
): Promise<TestRedis & { tlsPort: number }> {
  const tlsPort = await freePort();
  const args = [...TLS, '--tls-port', String(tlsPort), '--tls-auth-clients', clients, ...more];
  const redis = await startRedis({ args, ...(port !== undefined && { port }) });
  ended.push(() => redis.stop());
  return { ...redis, tlsPort };
}

/** @returns PONG, or what an operator reads. */
async function asked(url: string, security: RedisSecurity = {}): Promise<string> {
  const client = connectRedis(url, false, security);
  client.on('error', () => {});
  client.on('node error', () => {});
  try {
    await ready(client, 5_000);
    return await client.ping();
  } catch (error) {
    return (error as Error).message;
  } finally {
    client.disconnect();
  }
}

test('one server: its certificate must be trusted and for its name', async () => {
  const { tlsPort, port } = await startTls('no');
  expect(await asked(`rediss://localhost:${tlsPort}`, { ca })).toBe('PONG');
  expect(await asked(`rediss://localhost:${tlsPort}`)).toContain('not trusted: set REDIS_CA_FILE');
  expect(await asked(`rediss://127.0.0.2:${tlsPort}`, { ca })).toMatch(/another host name|connection refused/);
  expect(await asked(`rediss://localhost:${port}`, { ca })).toContain('rediss:// needs a port for TLS');
  expect(await asked(`redis://localhost:${tlsPort}`)).toContain('a port for TLS needs rediss://');
});

test('a server that wants certificates of its clients', async () => {
  const { tlsPort } = await startTls('yes');
  const url = `rediss://localhost:${tlsPort}`;
  expect(await asked(url, { ca, cert, key })).toBe('PONG');
  expect(await asked(url, { ca })).toContain('REDIS_CERT_FILE and REDIS_KEY_FILE');
});

test('a Cluster', async () => {
  const { tlsPort, port } = await startTls(
    'no',
    ['--cluster-enabled', 'yes', '--tls-cluster', 'yes', '--cluster-announce-ip', '127.0.0.1'],
    await freeClusterPort(),
  );
  const client = new Redis(port);
  await client.call('CLUSTER', 'ADDSLOTSRANGE', '0', '16383');
  while (!String(await client.call('CLUSTER', 'INFO')).includes('cluster_state:ok'));
  client.disconnect();
  expect(await asked(`rediss+cluster://localhost:${tlsPort}`, { ca })).toBe('PONG');
  expect(await asked(`rediss+cluster://localhost:${tlsPort}`)).not.toBe('PONG');
});

test('sentinels with a password of their own', async () => {
  const { tlsPort, port } = await startTls('no', ['--tls-replication', 'yes']);
  const client = new Redis(port);
  await client.config('SET', 'requirepass', 'of-redis');
  client.disconnect();
  const sentinelPort = await freePort();
  const conf = join(folder, 'sentinel.conf');
  const lines = [
    ...['port 0', `tls-port ${sentinelPort}`, 'bind 127.0.0.1', 'tls-auth-clients no', 'tls-replication yes'],
    ...[`tls-cert-file ${certFile}`, `tls-key-file ${keyFile}`, `tls-ca-cert-file ${certFile}`, `dir ${folder}`],
    ...[`sentinel monitor main 127.0.0.1 ${tlsPort} 1`, 'sentinel auth-pass main of-redis', 'requirepass of-sentinel'],
  ];
  writeFileSync(conf, `${lines.join('\n')}\n`);
  const sentinel = spawn('redis-server', [conf, '--sentinel'], { stdio: 'ignore' });
  ended.push(() => sentinel.kill('SIGKILL'));
  const url = `rediss+sentinel://:of-redis@localhost:${sentinelPort}/main`;
  const security = { ca, sentinelPassword: 'of-sentinel' };
  while ((await asked(url, security)).includes('no Sentinel'));
  expect(await asked(url, security)).toBe('PONG');
  expect(await asked(url, { ca })).not.toBe('PONG');
});
