/** GET /metrics: what was done shows, whoever did it does not, and the scrape is answered whatever is away. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import { RedisStore } from '../../presence-core/redis/redis-store.ts';
import { Dashboard } from '../support/dashboard.ts';
import { type Exposition, parseExposition } from '../support/exposition.ts';
import { Player } from '../support/player.ts';
import { startRedis, type TestRedis } from '../support/redis-server.ts';
import { startTestServer, type TestServer, until } from '../support/servers.ts';
import { type Ends, slowTests } from '../support/slow-tests.ts';

const slowTest = slowTests();
const ended: Ends = [];
afterEach(async () => {
  for (const end of ended.splice(0).reverse()) await end();
});

async function server(env: Record<string, string> = {}, ends = ended): Promise<TestServer> {
  const started = await startTestServer(env);
  ends.push(() => started.stop(0));
  return started;
}

async function redisServer(args: string[] = [], ends = ended): Promise<TestRedis> {
  const redis = await startRedis({ args });
  ends.push(() => redis.stop());
  return redis;
}

async function text({ httpPort }: TestServer): Promise<string> {
  const reply = await fetch(`http://127.0.0.1:${httpPort}/metrics`);
  expect([reply.status, reply.headers.get('content-type')]).toEqual([200, 'text/plain; version=0.0.4; charset=utf-8']);
  return reply.text();
}

const scrape = async (from: TestServer): Promise<Exposition> => parseExposition(await text(from));

/** Scrapes until what was done shows: scrapes of one second share an answer. */
async function scrapeOnce(from: TestServer, shows: (metrics: Exposition) => boolean): Promise<Exposition> {
  let metrics = await scrape(from);
  await until(async () => {
    metrics = await scrape(from);
    return shows(metrics);
  });
  return metrics;
}

/** Of everything a client names; must never show. */
const SECRET = 'zq7';
const id = (name: string): string => `${SECRET}${name}`;
const beat = (user: string, session: string) => ({ userId: id(user), sessionId: id(session), streamId: id('s') });

const STRICT = { MAX_STREAMS: '1', ON_LIMIT: 'evict-oldest', HELLO_TIMEOUT_MS: '600000' };

/** Fields of INFO that never shrink while nothing is saved. */
const GROWING = {
  cpu_user_seconds_total: 'used_cpu_user',
  cpu_system_seconds_total: 'used_cpu_sys',
  memory_peak_bytes: 'used_memory_peak',
  commands_processed_total: 'total_commands_processed',
  keyspace_hits_total: 'keyspace_hits',
  keyspace_misses_total: 'keyspace_misses',
  keyspace_writes_total: 'rdb_changes_since_last_save',
  network_input_bytes_total: 'total_net_input_bytes',
  network_output_bytes_total: 'total_net_output_bytes',
  evicted_keys_total: 'evicted_keys',
  uptime_seconds: 'uptime_in_seconds',
};

function infoOf(text: string): (field: string) => number {
  const fields = new Map(text.split('\r\n').map((line) => line.split(':') as [string, string]));
  return (field) => Number(fields.get(field));
}

async function act(at: TestServer): Promise<void> {
  const hello = (user: string, session: string) =>
    Player.hello(at.wsPort, { ...beat(user, session), deviceType: id('tv') });
  const [first] = await hello('u', 'a');
  const [evictor] = await hello('u', 'b');
  expect(await first.closed).toBe(4010);
  await evictor.leave();
  await hello('v', 'a');
  await at.post('/heartbeat', beat('h', 'a'));
  await at.post('/heartbeat', beat('h', 'a'));
  await at.post('/heartbeat', { userId: id('p') });
  await fetch(`http://127.0.0.1:${at.httpPort}/guards`, { method: 'POST', headers: { 'x-user-id': id('g') } });
  await fetch(`http://127.0.0.1:${at.httpPort}/sessions/${id('h')}`, { method: 'DELETE' });
  expect(await at.post('/heartbeat', beat('h', 'a'))).toMatchObject({ status: 410 });
  await at.get(`/status/user/${id('u')}`);
  await at.get(`/${id('nowhere')}?user=${id('u')}`);
  await fetch(`http://127.0.0.1:${at.wsPort}/${id('path')}`);
  await Player.connect(at.wsPort);
  const view = await (await Dashboard.open(at.wsPort)).subscribe(`user:${id('u')}`);
  await until(() => view.frames.at(-1)?.last === true);
}

async function expectActs(at: TestServer): Promise<Exposition> {
  const done = { method: 'GET', route: 'unmatched' };
  const metrics = await scrapeOnce(
    at,
    (m) =>
      m.value('presence_http_requests_total', done) === 1 &&
      m.value('presence_sockets', { kind: 'closing' }) === 0 &&
      m.value('presence_log_lag_entries') === 0 &&
      m.value('presence_sweeps_total') !== 0,
  );
  const admissions = (via: string) => metrics.by('result', 'presence_admissions_total', { via });
  expect(admissions('socket')).toEqual({ opened: 3 });
  expect(admissions('heartbeat')).toEqual({ opened: 1, renewed: 1, ended: 1 });
  expect(admissions('guard')).toEqual({ opened: 1 });
  expect(admissions('presence')).toEqual({ opened: 1 });
  expect(metrics.by('reason', 'presence_displaced_total')).toEqual({ evicted: 1, left: 1, kicked: 1 });

  expect(metrics.by('kind', 'presence_sockets')).toEqual({ greeting: 1, player: 1, dashboard: 1 });
  expect(metrics.value('presence_sockets_accepted_total')).toBe(5);
  expect(metrics.by('reason', 'presence_sockets_refused_total')).toEqual({ path: 1 });
  expect(metrics.by('code', 'presence_sockets_closed_total')).toEqual({ evicted: 1, normal: 1 });
  // Four hellos, a leave, a subscribe; four welcomes, an eviction, subscribed, a snapshot.
  expect(metrics.value('presence_socket_messages_received_total')).toBe(6);
  expect(metrics.value('presence_socket_messages_sent_total')).toBe(7);
  expect(metrics.value('presence_socket_received_bytes_total')).toBeGreaterThan(200);
  expect(metrics.value('presence_socket_sent_bytes_total')).toBeGreaterThan(500);
  expect(metrics.value('presence_node_sessions_held')).toBe(1);
  expect(metrics.value('presence_sessions_live')).toBe(2);
  expect(metrics.value('presence_users_online')).toBe(3);
  expect(metrics.value('presence_log_gaps_total')).toBe(0);

  const requests = (route: string) => metrics.by('status', 'presence_http_requests_total', { route });
  expect(requests('/heartbeat')).toEqual({ 200: 3, 410: 1 });
  expect(requests('/status/user/:userId')).toEqual({ 200: 1 });
  expect(requests('unmatched')).toEqual({ 404: 1 });
  const beats = { method: 'POST', route: '/heartbeat' };
  expect(metrics.value('presence_http_request_duration_seconds_count', beats)).toBe(4);
  expect(metrics.value('presence_store_duration_seconds_count', { verb: 'sessions.open' })).toBe(8);
  expect(metrics.value('presence_store_duration_seconds_count', { verb: 'sessions.kick' })).toBe(1);
  expect(metrics.of('presence_store_errors_total')).toEqual([]);
  expect(metrics.value('presence_store_up')).toBe(1);
  expect(metrics.by('result', 'presence_node_beats_total')).toEqual({ alive: expect.any(Number) });
  return metrics;
}

test('over the embedded store: what was done, without who did it', async () => {
  const at = await server(STRICT);
  await act(at);
  const metrics = await expectActs(at);
  expect(await text(at)).not.toContain(SECRET);
  expect(metrics.of('presence_info')).toEqual([
    {
      name: 'presence_info',
      labels: {
        version: expect.stringMatching(/^\d+\.\d+\.\d+/),
        transport: expect.stringMatching(/^(uws|ws)$/),
        store: 'memory',
        node_version: process.version,
      },
      value: 1,
    },
  ]);
  expect(metrics.of('presence_redis_uptime_seconds')).toEqual([]);
  for (const name of ['process_cpu_seconds_total', 'process_resident_memory_bytes', 'nodejs_heap_size_used_bytes']) {
    expect(metrics.value(name)).toBeGreaterThan(0);
  }
  // Known after the first turn of its timer since the last scrape, of whichever server of this process.
  const lag = await scrapeOnce(at, (later) => later.of('nodejs_eventloop_lag_p99_seconds').length > 0);
  for (const name of ['nodejs_eventloop_lag_seconds', 'nodejs_eventloop_lag_p99_seconds']) {
    expect(lag.value(name)).toBeGreaterThanOrEqual(0);
  }
});

/** Without the prefix, of a process that has all parts. */
const NAMES: string[] = [
  'admissions_total',
  'degraded',
  'displaced_total',
  'history_failures_total',
  'history_log_backlog_ratio',
  'history_log_entries_lost_total',
  'history_log_kept_seconds',
  'history_rows_refused_total',
  'history_rows_total',
  'history_up',
  'history_written_up_to_timestamp_seconds',
  'http_request_duration_seconds',
  'http_requests_total',
  'info',
  'log_gaps_total',
  'log_lag_entries',
  'node_beats_total',
  'node_sessions_held',
  'reader_strays_total',
  'recount_corrections_total',
  'redis_commands_per_second',
  'redis_commands_processed_total',
  'redis_connected_clients',
  'redis_cpu_system_seconds_total',
  'redis_cpu_user_seconds_total',
  'redis_evicted_keys_total',
  'redis_keyspace_hits_total',
  'redis_keyspace_misses_total',
  'redis_keyspace_writes_total',
  'redis_memory_max_bytes',
  'redis_memory_peak_bytes',
  'redis_memory_used_bytes',
  'redis_network_input_bytes_total',
  'redis_network_output_bytes_total',
  'redis_uptime_seconds',
  'renewals_total',
  'replica_age_seconds',
  'replica_fallbacks_total',
  'replica_reads_total',
  'replica_rebuilds_total',
  'replica_serving',
  'replica_sessions',
  'replica_users',
  'sessions_live',
  'socket_messages_received_total',
  'socket_messages_sent_total',
  'socket_received_bytes_total',
  'socket_sent_bytes_total',
  'sockets',
  'sockets_accepted_total',
  'sockets_closed_total',
  'sockets_max',
  'sockets_refused_total',
  'store_duration_seconds',
  'store_errors_total',
  'store_in_flight',
  'store_unavailable_seconds_total',
  'store_up',
  'sweep_ended_total',
  'sweep_lag_seconds',
  'sweeps_total',
  'users_online',
];

test('each metric is known here', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'presence-'));
  ended.push(async () => rmSync(folder, { recursive: true, force: true }));
  const redis = await redisServer();
  const at = await server({ REDIS_URL: redis.url, REPLICA: 'on', DATABASE_URL: `sqlite:${folder}/h.db` });
  const own = [...(await scrape(at)).families.keys()].filter((name) => name.startsWith('presence_'));
  expect(own.map((name) => name.slice('presence_'.length)).sort()).toEqual(NAMES);
});

test('over Redis: the same, and what Redis accounts of itself', async () => {
  const redis = await redisServer(['--maxmemory', '100mb']);
  const at = await server({ ...STRICT, REDIS_URL: redis.url });
  await act(at);
  await expectActs(at);
  expect(await text(at)).not.toContain(SECRET);

  const client = new Redis(redis.port);
  ended.push(async () => client.disconnect());
  const before = infoOf(await client.info());
  const commands = 'presence_redis_commands_processed_total';
  const metrics = await scrapeOnce(at, (m) => (m.value(commands) ?? 0) > before('total_commands_processed'));
  const after = infoOf(await client.info());
  const told = metrics.series.filter(({ name }) => name.startsWith('presence_redis_'));
  const named = { server: `127.0.0.1:${redis.port}` };
  for (const { labels } of told) expect(labels).toEqual(named);
  const value = (name: string) => metrics.value(`presence_redis_${name}`, named) as number;
  for (const [name, field] of Object.entries(GROWING)) {
    expect([name, value(name) >= before(field) && value(name) <= after(field)]).toEqual([name, true]);
  }
  expect(value('memory_max_bytes')).toBe(100 * 1_048_576);
  expect(value('memory_used_bytes')).toBeGreaterThan(500_000);
  expect(value('memory_used_bytes')).toBeLessThanOrEqual(value('memory_peak_bytes'));
  expect(value('connected_clients')).toBeGreaterThanOrEqual(2);
  expect(value('commands_per_second')).toBeGreaterThanOrEqual(0);
  expect(told).toHaveLength(Object.keys(GROWING).length + 4);
});

slowTest('sessions that a dead node left show as ended by the sweep, and a lost log as a gap', async (ends) => {
  const redis = await redisServer([], ends);
  const at = await server({ REDIS_URL: redis.url }, ends);
  const dead = new RedisStore({ url: redis.url });
  await dead.start();
  await dead.nodes.join('dead', 2_000);
  for (const userId of ['a', 'b', 'c']) {
    const owner = { nodeId: 'dead', connection: 1 };
    await dead.sessions.open({ userId, sessionId: 's', attributes: {}, owner, leaseMs: 60_000, intent: 'fresh' });
  }
  await dead.stop();
  const swept = await scrapeOnce(at, (metrics) => metrics.value('presence_sweep_ended_total') === 3);
  expect(swept.value('presence_sessions_live')).toBe(0);
  expect(swept.families.get('presence_sweep_lag_seconds')).toBe('gauge');

  await (await Dashboard.open(at.wsPort)).subscribe('all');
  const client = new Redis(redis.port);
  await client.flushall();
  client.disconnect();
  await at.post('/heartbeat', beat('u', 'a'));
  await scrapeOnce(at, (metrics) => (metrics.value('presence_log_gaps_total') ?? 0) > 0);
});

slowTest('[P10] while Redis is frozen the scrape is answered, without what only Redis knows', async (ends) => {
  const redis = await redisServer([], ends);
  const at = await server({ REDIS_URL: redis.url }, ends);
  const before = await scrapeOnce(at, (metrics) => metrics.value('presence_sessions_live') === 0);
  expect(before.value('presence_store_up')).toBe(1);
  redis.process?.kill('SIGSTOP');
  try {
    const away = await scrapeOnce(at, (metrics) => metrics.value('presence_store_up') === 0);
    for (const name of ['presence_sessions_live', 'presence_users_online', 'presence_redis_memory_used_bytes']) {
      expect([name, away.families.get(name), away.of(name)]).toEqual([name, 'gauge', []]);
    }
    expect(await at.post('/heartbeat', beat('h', 'a'))).toMatchObject({ status: 200, body: { degraded: true } });
    const [, welcome] = await Player.hello(at.wsPort, beat('u', 'a'));
    expect(welcome).toMatchObject({ degraded: true });
    const degraded = (metrics: Exposition, via: string) =>
      metrics.value('presence_admissions_total', { via, result: 'degraded' });
    const later = await scrapeOnce(at, (metrics) => degraded(metrics, 'socket') === 1);
    expect(degraded(later, 'heartbeat')).toBe(1);
    const errors = later.by('verb', 'presence_store_errors_total', { code: 'store_unavailable' });
    expect(errors).toMatchObject({ 'sessions.open': 2, 'nodes.beat': expect.any(Number) });
    expect(later.value('presence_node_beats_total', { result: 'failed' })).toBeGreaterThan(0);
    expect(later.value('presence_store_unavailable_seconds_total')).toBeGreaterThan(
      before.value('presence_store_unavailable_seconds_total') as number,
    );
  } finally {
    redis.process?.kill('SIGCONT');
  }
  const isBack = (m: Exposition) => m.value('presence_store_up') === 1 && (m.value('presence_sessions_live') ?? 0) > 0;
  await scrapeOnce(at, isBack);
});

test('policy closed: an open that the store did not answer is not let in', async () => {
  const redis = await redisServer();
  const at = await server({ REDIS_URL: redis.url, OUTAGE_POLICY: 'closed' });
  await redis.kill();
  expect(await at.post('/heartbeat', beat('h', 'a'))).toMatchObject({ status: 503 });
  const metrics = await scrapeOnce(at, (m) => m.by('result', 'presence_admissions_total').unavailable === 1);
  expect(metrics.by('status', 'presence_http_requests_total', { route: '/heartbeat' })).toEqual({ 503: 1 });
  // Who disconnects from a Redis that is gone keeps ioredis' timer, and with it this process, for 2 s.
  await redis.restart();
  await until(async () => (await at.get('/readyz')).body.status === 'ok');
});

test('[P9] a node that lost its lease counts as fenced', async () => {
  const redis = await redisServer();
  const at = await server({ REDIS_URL: redis.url });
  const client = new Redis(redis.port);
  const leases = (await client.hkeys('{presence:0}:shard')).filter((field) => field.startsWith('n:'));
  expect(leases).toHaveLength(1);
  await client.hdel('{presence:0}:shard', ...leases);
  client.disconnect();
  await scrapeOnce(at, (metrics) => (metrics.value('presence_node_beats_total', { result: 'fenced' }) ?? 0) > 0);
});

test('servers in one process count for themselves', async () => {
  const [busy, idle] = [await server(), await server()];
  await busy.post('/heartbeat', beat('h', 'a'));
  const opened = { via: 'heartbeat', result: 'opened' };
  await scrapeOnce(busy, (metrics) => metrics.value('presence_admissions_total', opened) === 1);
  expect((await scrape(idle)).value('presence_admissions_total', opened)).toBe(0);
});

test('scrapes of one second share one answer', async () => {
  const at = await server();
  const [one, other] = await Promise.all([text(at), text(at)]);
  expect(one).toBe(other);
});
