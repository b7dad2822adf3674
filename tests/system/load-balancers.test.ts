/** The configurations of gateway/deploy/ before two gateways: a rolling restart that nobody who plays notices. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from '@jest/globals';
import { closeClients, playerOf } from '../support/clients.ts';
import { Dashboard } from '../support/dashboard.ts';
import { GatewayProcess } from '../support/gateway-process.ts';
import { freePort, startRedis } from '../support/redis-server.ts';
import { eventually, startTestServer, until } from '../support/servers.ts';

const DEPLOY = fileURLToPath(new URL('../../gateway/deploy/', import.meta.url));
const PLAYERS = 200;
/** What operators wait for behind a gateway that is ready, before they restart the next: the balancer has to notice. */
const SETTLE_MS = 2_000;
const LIMIT_MS = 180_000;

const BALANCERS = {
  haproxy: { file: 'haproxy.cfg', command: 'haproxy', args: (file: string, _: string) => ['-db', '-f', file] },
  nginx: {
    file: 'nginx.conf',
    command: 'nginx',
    args: (file: string, folder: string) => ['-p', folder, '-c', file, '-g', 'daemon off; pid nginx.pid;'],
  },
};

const ended: (() => unknown)[] = [];
afterEach(async () => {
  closeClients();
  for (const end of ended.splice(0).reverse()) await end();
});

interface Ports {
  readonly ws: number;
  readonly http: number;
}

/** The file as it is, but for addresses: the host names are those of the kit, the ports are free ones. */
function placed(text: string, gateways: readonly Ports[], balancer: Ports): string {
  let config = text
    .replace(/^(\s*(?:bind|listen) )(:?)8080/m, `$1$2${balancer.ws}`)
    .replace(/^(\s*(?:bind|listen) )(:?)8081/m, `$1$2${balancer.http}`)
    // One port of checks for all servers of a backend: here each has its own.
    .replace('check port 8081', 'check');
  for (const [i, { ws, http }] of gateways.entries()) {
    config = config
      .replace(new RegExp(`(server (?:gateway-${i + 1} )?)gateway-${i + 1}:8080(.*)`), (_, head, tail) =>
        head.includes('gateway-') ? `${head}127.0.0.1:${ws} port ${http}${tail}` : `${head}127.0.0.1:${ws}${tail}`,
      )
      .replace(`gateway-${i + 1}:8081`, `127.0.0.1:${http}`);
  }
  return config;
}

async function startBalancer(name: keyof typeof BALANCERS, gateways: readonly Ports[]): Promise<Ports> {
  const { file, command, args } = BALANCERS[name];
  const folder = mkdtempSync(join(tmpdir(), `presence-${name}-`));
  const ports = { ws: await freePort(), http: await freePort() };
  const path = join(folder, file);
  writeFileSync(path, placed(readFileSync(join(DEPLOY, file), 'utf8'), gateways, ports));
  const child: ChildProcess = spawn(command, args(path, folder), { stdio: ['ignore', 'ignore', 'inherit'] });
  const exited = new Promise((resolve) => child.once('exit', resolve));
  ended.push(async () => {
    child.kill('SIGTERM');
    await exited;
    rmSync(folder, { recursive: true, force: true });
  });
  await eventually(async () => {
    const { ok } = await fetch(`http://127.0.0.1:${ports.http}/readyz`);
    if (!ok) throw new Error('not ready');
  });
  return ports;
}

async function startGateways() {
  const redis = await startRedis();
  ended.push(() => redis.stop());
  const shared = {
    REDIS_URL: redis.url,
    REDIS_PREFIX: redis.prefix(),
    PRESENCE_SHARDS: '4',
    DATABASE_URL: 'none',
    DRAIN_MS: '2000',
    ALLOWED_HOSTS: '*',
    TRUSTED_PROXIES: '127.0.0.1',
  };
  const ports = [];
  for (let i = 0; i < 2; i++) ports.push({ ws: await freePort(), http: await freePort() });
  const launch = async ({ ws, http }: Ports): Promise<GatewayProcess> => {
    const gateway = await GatewayProcess.start({ ...shared, WS_PORT: String(ws), HTTP_PORT: String(http) });
    ended.push(() => gateway.kill());
    return gateway;
  };
  const gateways = await Promise.all(ports.map(launch));
  const onlooker = await startTestServer({ ...shared, NODE_LEASE_MS: '10000' });
  ended.push(() => onlooker.stop(0));
  return { ports, gateways, launch, onlooker };
}

describe.each(Object.keys(BALANCERS) as (keyof typeof BALANCERS)[])('%s', (name) => {
  test(
    'a rolling restart with 200 players: nobody is reported offline, nobody is thrown out',
    async () => {
      const { ports, gateways, launch, onlooker } = await startGateways();
      const balancer = await startBalancer(name, ports);
      const ids = Array.from({ length: PLAYERS }, (_, i) => `u${i}`);
      const ends: unknown[] = [];
      const moves = new Map<string, number>();
      const players = ids.map((userId) => {
        const url = `ws://127.0.0.1:${balancer.ws}/ws`;
        // As in a browser: a balancer is not asked 200 times in 20 ms.
        const backOff = { backoffBaseMs: 250, backoffCapMs: 2_000 };
        const player = playerOf({ url, userId, streamId: 'tnt', ...backOff });
        player.on('closed', (event) => ends.push([userId, event]));
        player.on('evicted', (event) => ends.push([userId, event]));
        player.on('welcome', ({ resumed }) => moves.set(userId, (moves.get(userId) ?? 0) + Number(resumed)));
        return player;
      });
      await Promise.all(players.map((player) => player.connect()));

      const view = await (await Dashboard.open(onlooker.wsPort)).subscribe('all');
      await until(() => view.sessions.size === PLAYERS);
      const changesBefore = view.frames.filter(({ type }) => type === 'changes').length;
      for (const [i, gateway] of gateways.entries()) {
        expect(await gateway.stop()).toBe(0);
        await launch(ports[i] as Ports);
        await sleep(SETTLE_MS);
      }
      await until(() => players.every(({ state }) => state === 'live'));
      const { body } = await onlooker.post('/status/users', { ids });
      const online = (body.users as { online: boolean }[]).filter((user) => user.online);
      expect(online).toHaveLength(PLAYERS);
      // A session that ended, or that began anew, would be a change.
      expect(view.frames.filter(({ type }) => type === 'changes')).toHaveLength(changesBefore);
      expect(view.faults).toEqual([]);
      expect(ends).toEqual([]);
      // All of them were on one of the two.
      expect([...moves.values()].filter((count) => count > 0)).toHaveLength(PLAYERS);
    },
    LIMIT_MS,
  );

  test('keeps metrics and the log level for operators, and tells the gateway who asks', async () => {
    const { ports } = await startGateways();
    const balancer = await startBalancer(name, ports);
    const at = (path: string, init?: RequestInit) => fetch(`http://127.0.0.1:${balancer.http}${path}`, init);
    expect((await at('/metrics')).status).toBe(403);
    expect((await at('/log-level', { method: 'PUT', body: '{}' })).status).toBe(403);
    expect((await at('/online')).status).toBe(200);
  }, 60_000);
});

test('HAProxy takes the configuration as it is shipped, but for the host names', () => {
  const folder = mkdtempSync(join(tmpdir(), 'presence-haproxy-'));
  ended.push(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'haproxy.cfg');
  writeFileSync(file, readFileSync(join(DEPLOY, 'haproxy.cfg'), 'utf8').replace(/gateway-[12]:/g, '127.0.0.1:'));
  const { status, stderr } = spawnSync('haproxy', ['-c', '-f', file], { encoding: 'utf8' });
  expect([status, stderr.match(/WARNING|ALERT/g)]).toEqual([0, null]);
});
