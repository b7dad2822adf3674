/** How far history is behind the log, and what it lost. */
import type { SessionWriterReport } from '../history/session-writer.ts';
import type { Metrics } from './metrics.ts';

export function registerHistoryMetrics(report: SessionWriterReport, metrics: Metrics): void {
  metrics.counter({ name: 'history_rows_total', help: 'Rows of ended sessions stored' }, () => report.rowsWritten);
  metrics.counter(
    { name: 'history_rows_refused_total', help: 'Rows that the database refused, left out' },
    () => report.rowsRefused,
  );
  metrics.counter(
    { name: 'history_failures_total', help: 'Times the log or the database failed the writer of history' },
    () => report.failures,
  );
  metrics.counter(
    { name: 'history_log_entries_lost_total', help: 'Entries of the log that were trimmed before history read them' },
    () => report.entriesLost,
  );
  metrics.gauge(
    {
      name: 'history_log_backlog_ratio',
      help: 'Entries that history has not stored, of the fullest shard, as part of what the log keeps; at 1 they are lost',
    },
    () => report.backlogRatio,
  );
  metrics.gauge(
    { name: 'history_written_up_to_timestamp_seconds', help: 'Instant of the newest change that history has stored' },
    () => (report.writtenUpTo > 0 ? report.writtenUpTo / 1_000 : undefined),
  );
}
