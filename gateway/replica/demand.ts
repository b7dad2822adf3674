/**
 * When a replica is worth what it costs (REPLICA=auto): while so much is read that following the log is cheaper than
 * asking the store, and the copy fits into its share of memory. Following takes some 2.6 % of a core at rest; the store
 * takes 5.6 µs for each user of a list, so they meet at 5,000 users a second.
 */
import { totalmem } from 'node:os';
import { getHeapStatistics } from 'node:v8';

/** Why there is no copy: little is read, or it would not fit. */
export type Unwanted = 'idle' | 'memory';

export interface DemandOptions {
  /** What the copy may take. */
  readonly bytesMax: number;
  /** Sessions in the store. Rejects when it does not answer. */
  countSessions(): Promise<number>;
}

/** What a copy takes of memory for a session, rounded up (`npm run bench -- replica`). */
const BYTES_PER_SESSION = 400;
/** Users read a second, above which a copy is made when that lasts, and below which it is given up when that lasts. */
const BEGIN_ABOVE = 5_000;
const END_BELOW = 2_500;
const BEGIN_LOOKS = 5;
const END_LOOKS = 120;
/** A copy that was made is kept while it is somewhat larger, so that it does not come and go. */
const KEPT_FACTOR = 1.25;
/** One that did not fit is not thought of again for so many looks. */
const NO_FIT_LOOKS = 60;

export const LOOK_MS = 1_000;

export class Demand {
  /** Users read since the last look. */
  private read = 0;
  private busyLooks = 0;
  private quietLooks = 0;
  private looksToWait = 0;
  private readonly options: DemandOptions;

  constructor(options: DemandOptions) {
    this.options = options;
  }

  /** @param users that were asked about; of a count or a list of tops what costs as much. */
  reads(users: number): void {
    this.read += users;
  }

  /**
   * To be asked once a second.
   * @param sessions of the copy that there is; undefined: there is none.
   * @returns whether there should be a copy from now on, or why not.
   */
  async look(sessions: number | undefined): Promise<'wanted' | Unwanted> {
    const { read } = this;
    this.read = 0;
    this.busyLooks = read > BEGIN_ABOVE ? this.busyLooks + 1 : 0;
    this.quietLooks = read < END_BELOW ? this.quietLooks + 1 : 0;
    this.looksToWait = Math.max(0, this.looksToWait - 1);
    if (sessions !== undefined) {
      if (this.bytesOf(sessions) > this.options.bytesMax * KEPT_FACTOR) return this.refuse();
      return this.quietLooks >= END_LOOKS ? 'idle' : 'wanted';
    }
    if (this.looksToWait > 0) return 'memory';
    if (this.busyLooks < BEGIN_LOOKS) return 'idle';
    const expected = await this.options.countSessions().catch(() => Number.NaN);
    // Without an answer it is asked again at the next look.
    if (Number.isNaN(expected)) return 'idle';
    return this.bytesOf(expected) > this.options.bytesMax ? this.refuse() : 'wanted';
  }

  private refuse(): Unwanted {
    this.looksToWait = NO_FIT_LOOKS;
    return 'memory';
  }

  private bytesOf(sessions: number): number {
    return sessions * BYTES_PER_SESSION;
  }
}

/** Bytes that this process may use: of the machine, its container and its heap the least. */
export function memoryBytes(): number {
  const container = process.constrainedMemory() || Number.POSITIVE_INFINITY;
  return Math.min(totalmem(), container, getHeapStatistics().heap_size_limit);
}
