/** How far the change log reaches back: what history may be behind before ended sessions are lost. */
import type { SessionWriterOptions, SessionWriterReport } from './session-writer.ts';

export interface LogReachOptions {
  readonly store: { keptMs(): Promise<number> };
  readonly writer: Pick<SessionWriterReport, 'backlogRatio'>;
  /** A warning says so when the log keeps less than this while the writer is behind. */
  readonly warnBelowMs: number;
  readonly log: Pick<SessionWriterOptions['log'], 'info' | 'warn'>;
}

/** A writer that keeps up is behind by a poll and a batch. */
const BEHIND_MS = 10_000;

export class LogReach {
  /** At the rate of the last look; Infinity before the first one, and while nothing is logged. */
  keptMs = Number.POSITIVE_INFINITY;
  private readonly options: LogReachOptions;
  private isWarned = false;

  constructor(options: LogReachOptions) {
    this.options = options;
  }

  /** @throws StoreError */
  async look(): Promise<void> {
    const { store, writer, warnBelowMs, log } = this.options;
    this.keptMs = await store.keptMs();
    // The ratio of a log that keeps nothing yet is 0.
    const behindMs = writer.backlogRatio > 0 ? writer.backlogRatio * this.keptMs : 0;
    const isShort = behindMs >= BEHIND_MS && this.keptMs < warnBelowMs;
    const fields = { keptSeconds: Math.round(this.keptMs / 1_000), behindSeconds: Math.round(behindMs / 1_000) };
    if (isShort && !this.isWarned) {
      log.warn(fields, 'history is behind, and the change log keeps only keptSeconds of changes: raise LOG_MAX');
    } else if (!isShort && this.isWarned) {
      log.info(fields, 'history is no longer near the end of what the change log keeps');
    }
    this.isWarned = isShort;
  }
}
