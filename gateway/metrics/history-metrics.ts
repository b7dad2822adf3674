/** Metrics of the history writer: how far it is behind the change log, and what it lost. */
import type { LogReach } from '../history/log-reach.ts';
import type { SessionWriterReport } from '../history/session-writer.ts';
import type { Metrics } from './metrics.ts';

export function registerHistoryMetrics(
  report: SessionWriterReport,
  reach: Pick<LogReach, 'keptMs'>,
  metrics: Metrics,
): void {
  metrics.counter(
    { name: 'history_rows_total', help: 'Ended sessions written to the database, in rows' },
    () => report.rowsWritten,
  );
  metrics.counter(
    { name: 'history_rows_refused_total', help: 'Rows rejected by the database and skipped' },
    () => report.rowsRefused,
  );
  metrics.counter(
    { name: 'history_failures_total', help: 'Failed reads of the change log or writes to the database' },
    () => report.failures,
  );
  metrics.counter(
    { name: 'history_log_entries_lost_total', help: 'Change log entries trimmed before history read them' },
    () => report.entriesLost,
  );
  metrics.gauge(
    {
      name: 'history_log_backlog_ratio',
      jointly: 'max',
      help: 'Change log entries not yet in the database as a ratio of LOG_MAX, worst shard; at 1 entries are lost',
    },
    () => report.backlogRatio,
  );
  metrics.gauge(
    {
      name: 'history_log_kept_seconds',
      jointly: 'min',
      help: 'How far back the change log reaches when full, at the present rate, shortest shard; the longest outage',
    },
    () => (Number.isFinite(reach.keptMs) ? reach.keptMs / 1_000 : undefined),
  );
  metrics.gauge(
    {
      name: 'history_written_up_to_timestamp_seconds',
      jointly: 'max',
      help: 'Time of the newest change in the database, Unix time',
    },
    () => (report.newestWrittenAt > 0 ? report.newestWrittenAt / 1_000 : undefined),
  );
}
