/** Metrics read from the store at each scrape; left out while it is unavailable. */
import type { PresenceStore, ServerStats } from '../../presence-core/index.ts';
import type { Metrics } from './metrics.ts';

type Figure = Exclude<keyof ServerStats, 'server'>;
type Row = readonly [kind: 'gauge' | 'counter', name: string, figure: Figure, help: string];

const SERVER_ROWS: readonly Row[] = [
  ['gauge', 'uptime_seconds', 'uptimeSeconds', 'Redis uptime'],
  ['counter', 'cpu_user_seconds_total', 'cpuUserSeconds', 'Redis CPU time in user mode'],
  ['counter', 'cpu_system_seconds_total', 'cpuSystemSeconds', 'Redis CPU time in the kernel'],
  ['gauge', 'memory_used_bytes', 'memoryBytes', 'Redis memory in use'],
  ['gauge', 'memory_peak_bytes', 'memoryPeakBytes', 'Peak Redis memory in use'],
  ['gauge', 'memory_max_bytes', 'memoryMaxBytes', 'Redis maxmemory; 0: no limit'],
  ['gauge', 'connected_clients', 'clients', 'Redis client connections'],
  ['counter', 'commands_processed_total', 'commands', 'Redis commands processed'],
  ['gauge', 'commands_per_second', 'commandsPerSecond', 'Redis commands per second, as measured by Redis'],
  ['counter', 'keyspace_hits_total', 'hits', 'Redis reads of existing keys'],
  ['counter', 'keyspace_misses_total', 'misses', 'Redis reads of missing keys'],
  ['counter', 'keyspace_writes_total', 'writes', 'Redis key changes; restarts at 0 when Redis saves its data'],
  ['counter', 'network_input_bytes_total', 'inputBytes', 'Bytes received by Redis'],
  ['counter', 'network_output_bytes_total', 'outputBytes', 'Bytes sent by Redis'],
  [
    'counter',
    'evicted_keys_total',
    'evictedKeys',
    'Redis keys evicted for lack of memory: presence data is lost, set maxmemory-policy noeviction',
  ],
];

export function registerStoreMetrics(store: PresenceStore, metrics: Metrics): void {
  const total = once(async () => (await store.reads.counts([{ by: 'total' }]))[0]);
  metrics.gauge(
    { name: 'sessions_live', jointly: 'first', help: 'Live sessions in the deployment' },
    async () => (await total())?.sessions,
  );
  metrics.gauge(
    { name: 'users_online', jointly: 'first', help: 'Users online in the deployment' },
    async () => (await total())?.users,
  );

  if (!store.isShared) return;
  metrics.counter(
    {
      name: 'reader_strays_total',
      help: 'Reader connections found on another Redis than the one that calls write to: made again, with fresh snapshots',
    },
    () => store.log.strays,
  );
  const servers = once(() => store.serverStats());
  for (const [kind, name, figure, help] of SERVER_ROWS) {
    metrics[kind]({ name: `redis_${name}`, jointly: 'first', help, labels: ['server'] }, async () =>
      (await servers()).map((stats) => ({ labels: { server: stats.server }, value: stats[figure] })),
    );
  }
}

/** All readings of one scrape share one call. */
function once<T>(ask: () => Promise<T>): () => Promise<T> {
  let asked: Promise<T> | undefined;
  return () => {
    if (!asked) {
      asked = ask();
      setImmediate(() => {
        asked = undefined;
      });
    }
    return asked;
  };
}
