/** Metrics of the replica: its age, its size, and how many reads it answered. */
import type { Replica } from '../replica/replica.ts';
import { byLabel, type Metrics } from './metrics.ts';

export function registerReplicaMetrics(replica: Replica, metrics: Metrics): void {
  metrics.gauge({ name: 'replica_serving', jointly: 'min', help: '1 while the replica answers reads, else 0' }, () =>
    Number(replica.report().serving),
  );
  metrics.gauge({ name: 'replica_age_seconds', jointly: 'max', help: 'Maximum age of data in the replica' }, () => {
    const { lagMs } = replica.report();
    return Number.isFinite(lagMs) ? lagMs / 1_000 : undefined;
  });
  metrics.gauge(
    { name: 'replica_sessions', jointly: 'max', help: 'Sessions in the replica' },
    () => replica.report().sessions,
  );
  metrics.gauge({ name: 'replica_users', jointly: 'max', help: 'Users in the replica' }, () => replica.report().users);
  metrics.counter({ name: 'replica_rebuilds_total', help: 'Replica rebuilds' }, () => replica.report().rebuilds);
  metrics.counter(
    { name: 'replica_reads_total', help: 'Reads by source: replica, or both replica and store', labels: ['answered'] },
    () => {
      const { hits, misses } = replica.report();
      return byLabel('answered', { replica: hits, both: misses });
    },
  );
  metrics.counter(
    {
      name: 'replica_fallbacks_total',
      help: 'Reads answered by the store instead of the replica, by reason',
      labels: ['reason'],
    },
    () => byLabel('reason', replica.report().fallbacks),
  );
}
