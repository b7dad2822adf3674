/** `--check`: says what is wrong with what the settings name, before a process that others rely on is replaced. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from '@jest/globals';
import { Cluster, Redis } from 'ioredis';
import { GatewayProcess } from '../support/gateway-process.ts';
import { Player } from '../support/player.ts';
import { startCluster } from '../support/redis-cluster.ts';
import { freePort, startRedis, type TestRedis } from '../support/redis-server.ts';
import { startTestServer } from '../support/servers.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

const ended: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ended.splice(0).reverse()) await end();
});

interface Outcome {
  readonly code: number;
  readonly lines: readonly string[];
}

function check(env: Record<string, string>): Promise<Outcome> {
  return new Promise((resolve) => {
    const own = { PATH: process.env.PATH, DATABASE_URL: 'none', ...env };
    execFile(
      process.execPath,
      ['dist/gateway/main.js', '--check'],
      { cwd: ROOT, env: own },
      (error, stdout, stderr) => {
        const lines = (stdout + stderr).trimEnd().split('\n');
        resolve({ code: Number(error?.code ?? 0), lines: lines.map((line) => line.replace(/ +/, ' ')) });
      },
    );
  });
}

async function redisWith(args: string[] = []) {
  const redis = await startRedis({ args: ['--hash-max-listpack-value', '256', ...args] });
  const client = new Redis(redis.url);
  ended.push(
    () => redis.stop(),
    () => client.disconnect(),
  );
  return { redis, client, env: { REDIS_URL: redis.url, PRESENCE_SHARDS: '2' } };
}

const faultsOf = ({ lines }: Outcome) => lines.filter((line) => line.startsWith('fault'));
const warningsOf = ({ lines }: Outcome) => lines.filter((line) => line.startsWith('warning'));

test('without Redis: what is in memory needs nothing else', async () => {
  const { code, lines } = await check({});
  expect(code).toBe(0);
  expect(lines).toEqual(expect.arrayContaining(['ok settings: valid', 'ok store: in memory, for a single process']));
});

test('wrong settings are refused before anything is connected to', async () => {
  const outcome = await check({ MAX_STREAMS: '0', REDIS_URL: 'redis://127.0.0.1:1' });
  expect(outcome).toEqual({
    code: 2,
    lines: ['Invalid configuration:', ' - MAX_STREAMS "0": must be an integer between 1 and 100'],
  });
});

test('settings that are valid and hardly meant are warned of, by the start too', async () => {
  const text = 'DRAIN_MS=5 is in milliseconds: if seconds are meant, set it to 5000 (default 5000)';
  const { code, lines } = await check({ DRAIN_MS: '5' });
  expect([code, lines]).toEqual([0, expect.arrayContaining([`warning settings: ${text}`])]);
  const gateway = await GatewayProcess.start({ DRAIN_MS: '5', WS_PORT: '0', HTTP_PORT: '0', DATABASE_URL: 'none' });
  ended.push(() => gateway.stop());
  expect(gateway.find(text)).toMatchObject({ level: 'warn' });
});

describe('Redis', () => {
  test('that fits: its version and clock are told, and nothing of the try is left', async () => {
    const { client, env } = await redisWith();
    const { code, lines } = await check(env);
    expect(code).toBe(0);
    expect(lines.at(-1)).toMatch(
      /^ok Redis: 7\.\d+\.\d+ at redis:\/\/127\.0\.0\.1:\d+, all commands permitted, functions presence_[0-9a-f]{16}, clock off/,
    );
    const left = await client.keys('*');
    const ttls = await Promise.all(left.map((key) => client.pttl(key)));
    expect(ttls.filter((ttl) => ttl < 0)).toEqual([]);
  });

  test('with settings that lose data, and a deployment that has other settings', async () => {
    const { client, env } = await redisWith(['--maxmemory', '100mb', '--maxmemory-policy', 'allkeys-lru']);
    await client.hset('{presence}:config', 'MAX_STREAMS', '3');
    const outcome = await check({ ...env, MAX_STREAMS: '5' });
    expect(outcome.code).toBe(0);
    expect(warningsOf(outcome)).toEqual([
      'warning Redis: Redis may delete presence when memory is short: set maxmemory-policy noeviction',
      'warning Redis: MAX_STREAMS is 5 here and was 3 in the process that started last: ' +
        'set it to 3 here, or restart the others with 5',
    ]);
    // It only looked.
    expect(await client.hgetall('{presence}:config')).toEqual({ MAX_STREAMS: '3' });
  });

  test('that is away, has another password, or another number of shards', async () => {
    const port = await freePort();
    expect(faultsOf(await check({ REDIS_URL: `redis://127.0.0.1:${port}` }))).toEqual([
      `fault Redis: Redis does not answer: connection refused (127.0.0.1:${port})`,
    ]);
    const { redis, client, env } = await redisWith();
    await client.config('SET', 'requirepass', 'hush');
    expect(faultsOf(await check(env))).toEqual(['fault Redis: Redis refuses commands: a password is required']);
    await client.hset('{presence}:config', 'layout', '64x256 seed 00000001', 'secret', 'x');
    const outcome = await check({ ...env, REDIS_URL: `redis://:hush@127.0.0.1:${redis.port}` });
    expect(outcome.code).toBe(1);
    expect(faultsOf(outcome)).toEqual([
      'fault Redis: PRESENCE_SHARDS is fixed for a deployment: ' +
        "this node has shards x buckets 2x256, the deployment 'presence' 64x256",
    ]);
  });

  test('whose user may do what OPERATIONS.md gives it, which is enough to serve', async () => {
    const operations = readFileSync(join(ROOT, 'gateway/deploy/OPERATIONS.md'), 'utf8');
    const [, rules] = /^ACL SETUSER presence (.*)$/m.exec(operations) ?? [];
    const { redis, client, env } = await redisWith();
    const grant = (extra: string[] = []) =>
      client.call('ACL', 'SETUSER', 'presence', 'reset', ...(rules as string).split(' '), ...extra);
    await grant();
    const url = `redis://presence:PASSWORD@127.0.0.1:${redis.port}`;
    const outcome = await check({ ...env, REDIS_URL: url });
    expect([outcome.code, faultsOf(outcome)]).toEqual([0, []]);

    const server = await startTestServer({ ...env, REDIS_URL: url, MAX_STREAMS: '1', ON_LIMIT: 'evict-oldest' });
    ended.push(() => server.stop(0));
    const [first] = await Player.hello(server.wsPort, { userId: 'u', sessionId: 'a', streamId: 's' });
    const [, welcome] = await Player.hello(server.wsPort, { userId: 'u', sessionId: 'b', streamId: 's' });
    expect(welcome).toMatchObject({ type: 'welcome' });
    expect(welcome.degraded).toBeUndefined();
    expect(await first.closed).toBe(4010);
    // Counted by Redis, whoever was told.
    expect(await client.call('ACL', 'LOG')).toEqual([]);

    for (const denied of ['xadd', 'zadd', 'pfadd', 'xreadgroup', 'fcall', 'function', 'info']) {
      await grant([`-${denied}`]);
      const refused = await check({ ...env, REDIS_URL: url });
      expect(refused.code).toBe(1);
      expect(faultsOf(refused)).toEqual([expect.stringContaining('is denied what a process needs')]);
    }
  });
});

test('a Cluster: each of its masters, and nothing of the try is left', async () => {
  const cluster = await startCluster(['--hash-max-listpack-value', '256']);
  ended.push(() => cluster.stop());
  const { code, lines } = await check({ REDIS_URL: cluster.url });
  expect([code, lines.filter((line) => !line.startsWith('ok'))]).toEqual([0, []]);
  const [{ port }] = cluster.masters as readonly [TestRedis];
  const client = new Cluster([{ host: '127.0.0.1', port }]);
  await client.ping();
  ended.push(() => client.disconnect());
  const left = (await Promise.all(client.nodes('master').map((node) => node.keys('*')))).flat();
  const ttls = await Promise.all(left.map((key) => client.pttl(key)));
  expect(ttls.filter((ttl) => ttl < 0)).toEqual([]);
}, 60_000);

describe('history', () => {
  test('in a file that can be made, that is there, or that cannot be written', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'presence-check-'));
    ended.push(() => rmSync(folder, { recursive: true }));
    const file = join(folder, 'data', 'presence.db');
    const fitting = await check({ DATABASE_URL: `sqlite:${file}` });
    expect(fitting.lines).toContain(`ok history: SQLite, will be created: ${file}`);
    const server = await startTestServer({ DATABASE_URL: `sqlite:${file}` });
    await server.stop(0);
    const there = await check({ DATABASE_URL: `sqlite:${file}` });
    expect(there.lines.at(-1)).toMatch(/^ok history: SQLite 3\.\d+/);
    const within = join(file, 'presence.db');
    const refused = await check({ DATABASE_URL: `sqlite:${within}` });
    expect(refused.code).toBe(1);
    expect(faultsOf(refused)).toEqual([`fault history: SQLite file ${within} cannot be written: ENOTDIR`]);
  });

  test('in a database server that is away', async () => {
    const port = await freePort();
    const outcome = await check({ DATABASE_URL: `mysql://app:hush@127.0.0.1:${port}/presence` });
    expect(outcome.code).toBe(1);
    expect(faultsOf(outcome)).toEqual([
      expect.stringContaining('fault history: the database server cannot be reached'),
    ]);
    expect(outcome.lines.join()).not.toContain('hush');
  });
});

test('a key set that is there, and one that is not', async () => {
  const server = createServer((request, response) => {
    response.statusCode = request.url === '/keys' ? 200 : 404;
    response.end('{"keys":[{"kty":"OKP"}]}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ended.push(() => server.close());
  const at = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  expect((await check({ AUTH: 'jwt', JWKS_URL: `${at}/keys` })).lines).toContain('ok JWKS_URL: 1 keys');
  const outcome = await check({ AUTH: 'jwt', JWKS_URL: `${at}/none` });
  expect(outcome.code).toBe(1);
  expect(faultsOf(outcome)).toEqual(['fault JWKS_URL: the key set cannot be fetched: it answers with status 404']);
});

test('files that MAX_SOCKETS needs', async () => {
  const outcome = await check({ MAX_SOCKETS: '9000000' });
  expect(outcome.code).toBe(1);
  expect(faultsOf(outcome)).toEqual([
    expect.stringContaining('MAX_SOCKETS is 9000000; raise ulimit -n or LimitNOFILE'),
  ]);
});
