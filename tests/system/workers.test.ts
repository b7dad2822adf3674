/** WORKERS: several processes behind one parent, as operators and players see them. */
import { createServer } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { PresenceClient } from '../../gateway/client/presence-client.ts';
import type { Change } from '../../presence-core/index.ts';
import { pause, RedisStore } from '../../presence-core/index.ts';
import { closeClients, playerOf } from '../support/clients.ts';
import { Player } from '../support/player.ts';
import { freePort, startRedis, type TestRedis } from '../support/redis-server.ts';
import { until } from '../support/servers.ts';
import { isAlive, WorkersProcess } from '../support/workers.ts';

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis({ shared: true });
});
afterAll(() => redis.stop());

const ended: (() => unknown)[] = [];
afterEach(async () => {
  closeClients();
  for (const end of ended.splice(0).reverse()) await end();
});

/** Started over a Redis of its own prefix. */
async function start(env: Record<string, string>): Promise<WorkersProcess> {
  const workers = await WorkersProcess.start({ REDIS_URL: redis.url, REDIS_PREFIX: redis.prefix(), ...env });
  ended.push(() => workers.kill());
  return workers;
}

/** Reads the log of a deployment from now on; resolves with what was written. */
async function logOf(prefix: string): Promise<() => Promise<Change[]>> {
  const store = new RedisStore({ url: redis.url, prefix });
  await store.start();
  ended.push(() => store.stop());
  let cursor = await store.log.tail();
  const changes: Change[] = [];
  return async () => {
    for (;;) {
      const page = await store.log.read(cursor, 1_000, 0);
      changes.push(...page.changes);
      cursor = page.cursor;
      if (!page.more) return changes;
    }
  };
}

/** SDK players, and what went wrong for any of them. */
async function players(port: number, count: number): Promise<{ all: PresenceClient[]; faults: string[] }> {
  const faults: string[] = [];
  const all = await Promise.all(
    Array.from({ length: count }, async (_, i) => {
      const player = playerOf({ url: `ws://127.0.0.1:${port}/ws`, userId: `u${i}`, sessionId: 's', streamId: 'tnt' });
      for (const event of ['evicted', 'denied', 'degraded'] as const) player.on(event, () => faults.push(event));
      player.on('welcome', ({ resumed }) => {
        if (!resumed && player.session?.resumed) faults.push('not resumed');
      });
      await player.connect();
      return player;
    }),
  );
  return { all, faults };
}

const socketsOf = async (workers: WorkersProcess): Promise<number | undefined> =>
  (await workers.metrics()).value('presence_sockets', { kind: 'player' });

describe.each(['uws', 'ws'])('over %s', (TRANSPORT) => {
  test('connections are spread, and health, metrics and the log level are of all workers, on each port', async () => {
    const workers = await start({ TRANSPORT, ADMIN_PORT: '0' });
    const { adminPort } = workers.all('ready')[0] as unknown as { adminPort: number };
    expect(workers.all('ready')).toMatchObject([{ msg: 'ready', workers: 2, store: 'redis' }]);
    const ready = workers.all('worker ready');
    expect(new Set(ready.map(({ worker }) => worker))).toEqual(new Set([1, 2]));
    expect(new Set(ready.map(({ nodeId }) => nodeId)).size).toBe(2);
    for (const key of ['wsPort', 'httpPort', 'adminPort']) expect(ready[0]?.[key]).toBe(ready[1]?.[key]);

    const { faults } = await players(workers.wsPort, 30);
    for (const path of ['/livez', '/readyz', '/healthz']) {
      for (const port of [workers.httpPort, adminPort]) expect((await workers.get(path, port)).status).toBe(200);
    }
    await until(async () => (await workers.metrics(adminPort)).value('presence_sockets', { kind: 'player' }) === 30);
    const told = await workers.metrics(adminPort);
    expect(told.value('presence_node_sessions_held')).toBe(30);
    expect(told.value('presence_sessions_live')).toBe(30);
    expect(told.value('presence_sockets_accepted_total')).toBe(30);
    expect(told.value('presence_workers')).toBe(2);
    expect(told.value('presence_workers_wanted')).toBe(2);
    expect(told.of('presence_info')).toMatchObject([{ value: 1 }]);

    const level = { method: 'PUT', body: '{"level":"error"}', headers: { 'content-type': 'application/json' } };
    const url = `http://127.0.0.1:${adminPort}/log-level`;
    expect((await fetch(url, level)).status).toBe(204);
    process.kill(workers.pids[0] as number, 'SIGKILL');
    await workers.logged('worker ended: starting another');
    // Nobody says that it starts, also not the new one.
    await until(async () => (await workers.metrics(adminPort)).value('presence_workers') === 2);
    expect(workers.all('starting worker')).toHaveLength(2);
    expect(faults).toEqual([]);
  });

  test('[P8] one that is killed is started again, others are unharmed, and no sum goes back', async () => {
    const prefix = redis.prefix();
    const workers = await start({ TRANSPORT, REDIS_PREFIX: prefix });
    const changes = await logOf(prefix);
    const { all, faults } = await players(workers.wsPort, 30);
    await until(async () => (await socketsOf(workers)) === 30);
    const accepted = (await workers.metrics()).value('presence_sockets_accepted_total') as number;
    const lost = new Set<PresenceClient>();
    for (const player of all) player.on('disconnected', () => lost.add(player));
    const [pid] = workers.pids as [number];
    process.kill(pid, 'SIGKILL');
    const line = await workers.logged('worker ended: starting another');
    expect(line).toMatchObject({ level: 'error', pid, signal: 'SIGKILL', worker: expect.any(Number) });
    await workers.logged('worker ready', 3);
    await until(() => all.every(({ state }) => state === 'live'));
    // Neither all nor none: it had a part of the players, and the others' sockets stayed.
    expect(lost.size).toBeGreaterThan(0);
    expect(lost.size).toBeLessThan(30);
    await until(async () => (await socketsOf(workers)) === 30);
    const told = await workers.metrics();
    expect(told.value('presence_sockets_accepted_total')).toBeGreaterThanOrEqual(accepted + lost.size);
    expect(told.value('presence_worker_ends_total')).toBe(1);
    expect((await changes()).filter(({ kind }) => kind === 'close')).toEqual([]);
    expect(faults).toEqual([]);
  });

  test('a connection is answered or closed when the worker it goes to was frozen, and is killed', async () => {
    const workers = await start({ TRANSPORT });
    const [pid] = workers.pids as [number];
    process.kill(pid, 'SIGSTOP');
    const connecting = Array.from({ length: 16 }, () => Player.connect(workers.wsPort).catch(() => undefined));
    const isOver = await Promise.race([Promise.all(connecting).then(() => true), pause(500).then(() => false)]);
    // Of the workers that share one socket none is given what it does not take; with SO_REUSEPORT some wait for it.
    expect(isOver).toBe(TRANSPORT === 'ws');
    process.kill(pid, 'SIGKILL');
    await Promise.all(connecting);
  });

  test('[W22] SIGHUP replaces all without a player offline, and each by one that is ready', async () => {
    const prefix = redis.prefix();
    const workers = await start({ TRANSPORT, REDIS_PREFIX: prefix });
    const changes = await logOf(prefix);
    const { all, faults } = await players(workers.wsPort, 40);
    const before = workers.pids;
    workers.child.kill('SIGHUP');
    const statuses = new Set<number>();
    let isOver = false;
    const asking = (async () => {
      while (!isOver) {
        // What waits at a listening socket of uWebSockets.js as it closes is reset by the kernel.
        const reset = TRANSPORT === 'uws' ? () => undefined : undefined;
        const answer = await workers.get('/readyz').catch(reset);
        if (answer) statuses.add(answer.status);
      }
    })();
    expect(await workers.logged('replaced workers')).toMatchObject({ replaced: 2, workers: 2 });
    isOver = true;
    await asking;
    expect(statuses).toEqual(new Set([200]));
    expect(before.filter(isAlive)).toEqual([]);
    // Each new one was ready before an old one was asked to leave.
    const order = workers.lines.map(({ message }) => message).filter((m) => m === 'worker ready' || m === 'draining');
    expect(order).toEqual(['worker ready', 'worker ready', 'worker ready', 'draining', 'worker ready', 'draining']);
    await until(() => all.every(({ state }) => state === 'live'));
    await until(async () => (await socketsOf(workers)) === 40);
    expect((await changes()).filter(({ kind }) => kind === 'close')).toEqual([]);
    expect(workers.all('worker ended: starting another')).toEqual([]);
    expect(faults).toEqual([]);
  });

  test('[W22] SIGTERM drains all workers, and ends with 0', async () => {
    const workers = await start({ TRANSPORT });
    const all = await Promise.all(
      Array.from({ length: 20 }, (_, i) => Player.hello(workers.wsPort, { userId: `u${i}`, streamId: 's' })),
    );
    const { pids } = workers;
    workers.child.kill('SIGTERM');
    for (const [player] of all) expect(await player.next('drain')).toMatchObject({ reconnectInMs: expect.any(Number) });
    expect(new Set(await Promise.all(all.map(([player]) => player.closed)))).toEqual(new Set([1001]));
    expect(await workers.exited).toBe(0);
    expect(pids.filter(isAlive)).toEqual([]);
    expect(workers.all('stopped')).toHaveLength(3);
  });
});

describe('the parent', () => {
  test('ends with what is wrong, said once, when workers cannot start as they are configured', async () => {
    const workers = await start({ DATABASE_URL: 'sqlite:/dev/null/history.db' });
    expect(await workers.exited).toBe(1);
    const fatal = workers.lines.filter(({ level }) => level === 'fatal');
    expect(fatal).toMatchObject([{ message: expect.stringContaining('cannot be written') }]);
    await until(() => !workers.pids.some(isAlive));
  });

  test('refuses a port that another process has', async () => {
    const port = await freePort();
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(port, '127.0.0.1', resolve));
    ended.push(() => taken.close());
    const workers = await start({ WS_PORT: String(port) });
    expect(await workers.exited).toBe(1);
    expect(workers.lines.filter(({ level }) => level === 'fatal')).toMatchObject([
      { message: `WS_PORT=${port} on 127.0.0.1 is in use or not permitted (EADDRINUSE): set WS_PORT to a free port` },
    ]);
    expect(workers.pids).toEqual([]);
  });

  test('a port that another parent shares among its workers is refused too', async () => {
    const first = await start({ TRANSPORT: 'uws' });
    const second = await start({ TRANSPORT: 'uws', WS_PORT: String(first.wsPort) });
    expect(await second.exited).toBe(1);
  });

  test('killed, it leaves no worker behind', async () => {
    const workers = await start({ DRAIN_MS: '100' });
    const [player] = await Player.hello(workers.wsPort, { userId: 'u', streamId: 's' });
    const { pids } = workers;
    workers.child.kill('SIGKILL');
    expect(await player.closed).toBe(1001);
    await until(() => pids.every((pid) => !isAlive(pid)));
  });

  test('at a second signal all end at once', async () => {
    const workers = await start({ DRAIN_MS: '60000' });
    await Promise.all(Array.from({ length: 8 }, (_, i) => Player.hello(workers.wsPort, { userId: `u${i}` })));
    const { pids } = workers;
    workers.child.kill('SIGTERM');
    await workers.logged('draining', 3);
    await new Promise((resolve) => setTimeout(resolve, 600));
    workers.child.kill('SIGTERM');
    expect(await workers.exited).toBe(1);
    await until(() => pids.every((pid) => !isAlive(pid)));
  });

  test('WORKERS=1 is one process without a parent', async () => {
    const workers = await start({ WORKERS: '1' });
    expect(workers.all('ready')).toMatchObject([{ msg: 'ready', nodeId: expect.any(String) }]);
    expect(workers.pids).toEqual([]);
    expect((await workers.metrics()).of('presence_workers')).toEqual([]);
  });
});
