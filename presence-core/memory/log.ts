/** The change log of the memory store (P11): a ring of the newest entries, read by cursor, with waiting readers. */
import type { Clock } from '../clock.ts';
import { StoreError } from '../errors.ts';
import type { Change, CloseReason } from '../session.ts';
import { keptMs, type LogPage, type StoreLog } from '../store/log.ts';
import type { SessionRow } from './session-row.ts';

const CURSOR = /^m:([0-9a-f]{16}):(\d{1,15})$/;

/** What a change says beyond the session itself. */
export interface ChangeNote {
  readonly transition?: Change['transition'];
  readonly reason?: CloseReason;
  readonly previous?: Change['previous'];
}

export class MemoryLog implements StoreLog {
  /** Nobody reads elsewhere than where calls write. */
  readonly strays = 0;
  readonly #epoch: string;
  readonly #now: Clock;
  #max: number;
  /** Entry of sequence `s` stands at `(s - 1) % max`. */
  #entries: Change[] = [];
  /** Entries up to this one were dropped before the ring was made larger. */
  #dropped = 0;
  #last = 0;
  /** Wakes one waiting reader each. */
  readonly #waiting = new Set<() => void>();

  /** @param now the instant by the store's clock. */
  constructor(epoch: string, max: number, now: Clock) {
    this.#epoch = epoch;
    this.#now = now;
    this.#max = max;
  }

  append(kind: Change['kind'], at: number, row: SessionRow, note: ChangeNote): void {
    this.#last += 1;
    row.sequence = this.#last;
    this.#entries[(this.#last - 1) % this.#max] = {
      kind,
      at,
      userId: row.userId,
      sessionId: row.sessionId,
      via: row.via,
      streamId: row.streamId,
      deviceType: row.deviceType,
      country: row.country,
      state: row.state,
      ...(kind !== 'close' && { deviceId: row.deviceId, meta: row.meta }),
      startedAt: row.startedAt,
      segment: row.segment,
      segmentStartedAt: row.segmentStartedAt,
      transition: note.transition,
      reason: note.reason,
      previous: note.previous,
      sequence: this.#last,
      shard: 0,
    };
    if (this.#waiting.size > 0) this.wake();
  }

  get last(): number {
    return this.#last;
  }

  /** Sequence of the newest entry that is no longer kept. */
  get trimmed(): number {
    return Math.max(this.#dropped, this.#last - this.#max);
  }

  get max(): number {
    return this.#max;
  }

  /** Undefined for one that is not kept. */
  at(sequence: number): Change | undefined {
    return sequence > this.trimmed ? this.#entries[(sequence - 1) % this.#max] : undefined;
  }

  /** Whether this log had the place: nothing of it is ever lost. */
  async upholds(cursor: string): Promise<boolean> {
    return this.#position(cursor) !== undefined;
  }

  shorten(cursor: string): string {
    return cursor;
  }

  async resolve(text: string): Promise<string | undefined> {
    return this.#position(text) === undefined ? undefined : text;
  }

  /** Up to where a cursor has read; 0 for a place that this log never had. */
  positions(cursor: string): readonly number[] {
    return [this.#position(cursor) ?? 0];
  }

  async tail(): Promise<string> {
    return this.#cursor(this.#last);
  }

  async head(): Promise<string> {
    return this.#cursor(this.trimmed);
  }

  shardsOf(): readonly number[] {
    return [0];
  }

  moved(cursor: string, place: string, shards: readonly number[]): string {
    return shards.length > 0 ? place : cursor;
  }

  async keptMs(): Promise<number> {
    const oldest = this.at(this.trimmed + 1);
    if (!oldest) return Number.POSITIVE_INFINITY;
    return keptMs(this.#now() - oldest.at, this.#last - this.trimmed, this.#max);
  }

  /** After a gap the page goes on with the oldest entry kept, so that a reader that needs no snapshot loses no more. */
  async read(cursor: string, limit: number, waitMs: number): Promise<LogPage> {
    const asOf = performance.now();
    const asked = this.#position(cursor);
    if (asked === this.#last && waitMs > 0) await this.#change(waitMs);
    const gap = asked === undefined || asked < this.trimmed;
    const after = gap ? this.trimmed : asked;
    const until = Math.min(this.#last, after + Math.max(1, limit));
    const changes: Change[] = [];
    for (let sequence = after; sequence < until; sequence += 1) {
      changes.push(this.#entries[sequence % this.#max] as Change);
    }
    return { changes, cursor: this.#cursor(until), gap, more: until < this.#last, asOf };
  }

  /** Keeps the next entries beside all that is kept now: for the last ones, that no reader could ask for again. */
  makeRoom(entries: number): void {
    const [trimmed, max] = [this.trimmed, this.#max + entries];
    const ring: Change[] = [];
    for (let sequence = trimmed + 1; sequence <= this.#last; sequence += 1) {
      ring[(sequence - 1) % max] = this.at(sequence) as Change;
    }
    this.#dropped = trimmed;
    this.#entries = ring;
    this.#max = max;
  }

  /** Lets every waiting reader look: something was appended, or the store stops. */
  wake(): void {
    for (const look of this.#waiting) look();
    this.#waiting.clear();
  }

  #change(waitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(look);
        resolve();
      }, waitMs).unref();
      const look = () => {
        clearTimeout(timer);
        resolve();
      };
      this.#waiting.add(look);
    });
  }

  #cursor(sequence: number): string {
    return `m:${this.#epoch}:${sequence}`;
  }

  /** Undefined for a place that this log never had: of another epoch, or beyond the newest entry. */
  #position(cursor: string): number | undefined {
    const [, epoch, sequence] = CURSOR.exec(cursor) ?? [];
    if (epoch === undefined) throw new StoreError('invalid_cursor', 'not a cursor of this store');
    const position = Number(sequence);
    return epoch === this.#epoch && position <= this.#last ? position : undefined;
  }
}
