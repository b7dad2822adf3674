/** How old the replica is, and where reads were answered. */
import type { Replica } from '../replica/replica.ts';
import { byLabel, type Metrics } from './metrics.ts';

export function registerReplicaMetrics(replica: Replica, metrics: Metrics): void {
  metrics.gauge({ name: 'replica_serving', help: '1 while reads are answered by the replica' }, () =>
    Number(replica.report().serving),
  );
  metrics.gauge({ name: 'replica_age_seconds', help: 'How old its answers are at the most' }, () => {
    const { lagMs } = replica.report();
    return Number.isFinite(lagMs) ? lagMs / 1_000 : undefined;
  });
  metrics.gauge({ name: 'replica_sessions', help: 'Sessions in the replica' }, () => replica.report().sessions);
  metrics.gauge({ name: 'replica_users', help: 'Users in the replica' }, () => replica.report().users);
  metrics.counter(
    { name: 'replica_rebuilds_total', help: 'Times the replica was lost and begun anew' },
    () => replica.report().rebuilds,
  );
  metrics.counter({ name: 'replica_reads_total', help: 'Reads, by who answered', labels: ['answered'] }, () => {
    const { hits, misses } = replica.report();
    return byLabel('answered', { replica: hits, both: misses });
  });
  metrics.counter(
    { name: 'replica_fallbacks_total', help: 'Reads left to the store, by the reason', labels: ['reason'] },
    () => byLabel('reason', replica.report().fallbacks),
  );
}
