/** Samples how many watch, and keeps each minute's last sample and its peak. */
import type { StoreReads } from '../../presence-core/index.ts';
import type { ConcurrencySample } from './history-database.ts';

const MINUTE_MS = 60_000;
/** Minutes kept while the database is away: a day. */
const UNSAVED_MAX = 1_440;

export class ConcurrencySampler {
  private readonly reads: Pick<StoreReads, 'counts'>;
  private readonly save: (sample: ConcurrencySample) => Promise<void>;
  private readonly now: () => number;
  /** By minute, oldest first. */
  private readonly unsaved = new Map<number, ConcurrencySample>();
  private latest: ConcurrencySample | undefined;

  constructor(
    reads: Pick<StoreReads, 'counts'>,
    save: (sample: ConcurrencySample) => Promise<void>,
    now: () => number = Date.now,
  ) {
    this.reads = reads;
    this.save = save;
    this.now = now;
  }

  /** Looks once. @throws StoreError */
  async sample(): Promise<void> {
    const [count] = await this.reads.counts([{ by: 'total' }]);
    if (count === undefined) return;
    const sampledAt = this.now();
    const minuteAt = Math.floor(sampledAt / MINUTE_MS) * MINUTE_MS;
    const { users, sessions } = count;
    const peak = this.latest?.minuteAt === minuteAt ? this.latest.peakSessions : 0;
    this.latest = { minuteAt, sampledAt, users, sessions, peakSessions: Math.max(peak, sessions) };
    this.unsaved.set(minuteAt, this.latest);
    const [oldest] = this.unsaved.keys();
    if (this.unsaved.size > UNSAVED_MAX && oldest !== undefined) this.unsaved.delete(oldest);
  }

  /** Stores what is new since the last time. @throws HistoryError; then it is stored the next time. */
  async flush(): Promise<void> {
    for (const [minuteAt, sample] of this.unsaved) {
      await this.save(sample);
      if (this.unsaved.get(minuteAt) === sample) this.unsaved.delete(minuteAt);
    }
  }
}
