/**
 * One snapshot of a topic, read once for all subscribers that wait for it.
 *
 * Its frames are read and written as the fastest subscriber gets to them, and are the same for all; only the last one goes
 * out with each subscriber's own place in the log. When they are too many to be kept, those that all have are given up,
 * the fastest waits for the slowest, and whoever comes later begins another snapshot.
 */
import { type Change, StoreError, singleFlight } from '../../presence-core/index.ts';
import { type LastPage, MAX_FRAME_LENGTH, MAX_PAGE_SESSIONS, pageFrame } from './frames.ts';
import type { SnapshotSource } from './snapshot-source.ts';

/** Characters of frames that are kept. */
const MAX_KEPT_LENGTH = 33_554_432;
/** After its last read it serves whoever comes within this time. */
const FRESH_MS = 2_000;

/** One subscriber on its way through the frames. */
export interface SnapshotReading {
  /** The frame to send next; undefined when only the last page is left. */
  next(): Promise<string | undefined>;
  /** It needs no more: the others do not wait for it. */
  end(): void;
}

interface Place {
  at: number;
}

/** Where a snapshot begins. */
export interface SnapshotPlace {
  /** The hub's place before anything was read. */
  readonly cursor: string;
  readonly generation: object;
  /** Sessions may be missing, as the store lost data a moment ago. */
  readonly isDegraded: boolean;
  /** Whether the store still has all that it had there. */
  readonly isUpheld: () => Promise<boolean>;
}

export class TopicSnapshot {
  readonly cursor: string;
  readonly generation: object;
  readonly isDegraded: boolean;
  private readonly topic: string;
  private readonly source: SnapshotSource;
  private readonly isUpheld: SnapshotPlace['isUpheld'];
  private readonly readings = new Set<Place>();
  /** Frames that are still kept, from number `given` on. */
  private frames: string[] = [];
  private given = 0;
  private keptLength = 0;
  /** Of the page that is not full yet. */
  private rows: string[] = [];
  private rowsLength = 0;
  private isWhole = false;
  /** Some of it was read after the store forgot: it lacks what was live before. */
  private isTorn = false;
  private isReading = false;
  private readAt = performance.now();
  private waiting: (() => void)[] = [];
  /** Rejects with what the store fails with. */
  private readonly readOn = singleFlight(() => this.read());

  constructor(topic: string, source: SnapshotSource, { cursor, generation, isDegraded, isUpheld }: SnapshotPlace) {
    this.topic = topic;
    this.source = source;
    this.generation = generation;
    this.cursor = cursor;
    this.isDegraded = isDegraded;
    this.isUpheld = isUpheld;
  }

  get reflects(): readonly number[] {
    return this.source.reflects;
  }

  /** Whether whoever comes now may have it: from its first page on, and not of long ago. */
  get isOpen(): boolean {
    if (this.isTorn || this.source.isLost || this.given > 0 || this.keptLength > MAX_KEPT_LENGTH) return false;
    return this.isReading || performance.now() - this.readAt <= FRESH_MS;
  }

  /** The last page, once all others were read. */
  get lastPage(): LastPage {
    return { number: this.given + this.frames.length, rows: this.rows };
  }

  has(change: Change): boolean {
    return this.source.has(change);
  }

  /** Reads something, so that whoever subscribes is told at once when the store does not answer. */
  async first(): Promise<void> {
    if (this.given + this.frames.length + this.rows.length === 0 && !this.isWhole) await this.readOn();
  }

  begin(): SnapshotReading {
    const place = { at: 0 };
    this.readings.add(place);
    return {
      next: async () => {
        for (;;) {
          const frame = this.frames[place.at - this.given];
          if (frame !== undefined) {
            place.at += 1;
            this.giveUp();
            return frame;
          }
          if (this.isWhole) return undefined;
          if (this.mustWait) await new Promise<void>((resolve) => this.waiting.push(resolve));
          else await this.readOn();
        }
      },
      end: () => {
        this.readings.delete(place);
        this.giveUp();
        this.wake();
      },
    };
  }

  private get mustWait(): boolean {
    return this.keptLength > MAX_KEPT_LENGTH && this.slowest() < this.given + this.frames.length;
  }

  private slowest(): number {
    return Math.min(...Array.from(this.readings, ({ at }) => at));
  }

  private async read(): Promise<void> {
    this.isReading = true;
    const rows = await this.source.read().finally(() => {
      this.isReading = false;
      this.readAt = performance.now();
    });
    if (!rows) {
      await this.end();
      return;
    }
    for (const row of rows) {
      this.rowsLength += row.length + 1;
      if (this.rows.length === MAX_PAGE_SESSIONS || this.rowsLength > MAX_FRAME_LENGTH) {
        const frame = pageFrame(this.topic, this.given + this.frames.length, this.rows);
        this.frames.push(frame);
        this.keptLength += frame.length;
        this.rows = [];
        this.rowsLength = row.length;
      }
      this.rows.push(row);
    }
  }

  private async end(): Promise<void> {
    this.isTorn ||= !(await this.isUpheld());
    if (this.isTorn) throw new StoreError('store_unavailable', 'the store forgot while a snapshot was read');
    this.isWhole = true;
  }

  /** Of too many frames, those that all have had. */
  private giveUp(): void {
    if (this.keptLength <= MAX_KEPT_LENGTH) return;
    const had = Math.min(this.slowest(), this.given + this.frames.length) - this.given;
    if (had <= 0) return;
    for (const frame of this.frames.splice(0, had)) this.keptLength -= frame.length;
    this.given += had;
    this.wake();
  }

  private wake(): void {
    const { waiting } = this;
    this.waiting = [];
    for (const resolve of waiting) resolve();
  }
}
