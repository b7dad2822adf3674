/** What the store is asked for at each scrape; left out while it is away. */
import type { PresenceStore, ServerStats } from '../../presence-core/index.ts';
import type { Metrics } from './metrics.ts';

type Figure = Exclude<keyof ServerStats, 'server'>;
type Row = readonly [kind: 'gauge' | 'counter', name: string, figure: Figure, help: string];

const SERVER_ROWS: readonly Row[] = [
  ['gauge', 'uptime_seconds', 'uptimeSeconds', 'Time since the server started'],
  ['counter', 'cpu_user_seconds_total', 'cpuUserSeconds', 'CPU time of the server in user mode'],
  ['counter', 'cpu_system_seconds_total', 'cpuSystemSeconds', 'CPU time of the server in the kernel'],
  ['gauge', 'memory_used_bytes', 'memoryBytes', 'Memory in use'],
  ['gauge', 'memory_peak_bytes', 'memoryPeakBytes', 'Most memory that was in use'],
  ['gauge', 'memory_max_bytes', 'memoryMaxBytes', 'Bound of memory; 0 is none'],
  ['gauge', 'connected_clients', 'clients', 'Connections of clients'],
  ['counter', 'commands_processed_total', 'commands', 'Commands processed'],
  ['gauge', 'commands_per_second', 'commandsPerSecond', 'Commands per second as the server measures it'],
  ['counter', 'keyspace_hits_total', 'hits', 'Reads of keys that were there'],
  ['counter', 'keyspace_misses_total', 'misses', 'Reads of keys that were not there'],
  ['counter', 'keyspace_writes_total', 'writes', 'Changes of keys; begins anew when the server saves its data'],
  ['counter', 'network_input_bytes_total', 'inputBytes', 'Bytes received'],
  ['counter', 'network_output_bytes_total', 'outputBytes', 'Bytes sent'],
  ['counter', 'evicted_keys_total', 'evictedKeys', 'Keys deleted for want of memory; each is presence lost'],
];

export function registerStoreMetrics(store: PresenceStore, metrics: Metrics): void {
  const total = once(async () => (await store.reads.counts([{ by: 'total' }]))[0]);
  metrics.gauge(
    { name: 'sessions_live', help: 'Live sessions of the deployment' },
    async () => (await total())?.sessions,
  );
  metrics.gauge({ name: 'users_online', help: 'Users online in the deployment' }, async () => (await total())?.users);

  if (!store.isShared) return;
  const servers = once(() => store.serverStats());
  for (const [kind, name, figure, help] of SERVER_ROWS) {
    metrics[kind]({ name: `redis_${name}`, help, labels: ['server'] }, async () =>
      (await servers()).map((stats) => ({ labels: { server: stats.server }, value: stats[figure] })),
    );
  }
}

/** The readings of one scrape share one question. */
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
