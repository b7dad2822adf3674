/** Topic `stats`: totals and tops, read once a second for everybody while anybody subscribes. */

import { singleFlight } from '../../presence-core/index.ts';
import type { PresenceReads } from '../replica/reads.ts';
import { statsFrame } from './frames.ts';

export interface StatsListener {
  stats(frame: string): void;
}

const TOP_ITEMS = 10;

export class StatsTicker {
  private readonly reads: PresenceReads;
  private readonly intervalMs: number;
  private readonly isQuiet: () => boolean;
  private readonly listeners = new Set<StatsListener>();
  private timer: NodeJS.Timeout | undefined;
  private readonly ask = singleFlight(() => this.compute());
  /** The newest frame, while anybody subscribes. */
  private latest: string | undefined;

  /** @param isQuiet while the store has not all sessions again nothing is said. */
  constructor(reads: PresenceReads, intervalMs: number, isQuiet: () => boolean) {
    this.reads = reads;
    this.intervalMs = intervalMs;
    this.isQuiet = isQuiet;
  }

  /** @throws StoreError when the store does not answer. */
  now(): Promise<string> {
    return this.latest === undefined ? this.ask() : Promise.resolve(this.latest);
  }

  add(listener: StatsListener): void {
    this.listeners.add(listener);
    this.timer ??= setInterval(() => void this.tick(), this.intervalMs);
  }

  remove(listener: StatsListener): void {
    this.listeners.delete(listener);
    if (this.listeners.size > 0) return;
    clearInterval(this.timer);
    this.timer = undefined;
    this.latest = undefined;
  }

  private async tick(): Promise<void> {
    if (this.isQuiet()) return;
    // While the store is away nothing is said.
    const frame = await this.ask().catch(() => undefined);
    this.latest = this.listeners.size > 0 ? frame : undefined;
    if (frame !== undefined) for (const listener of this.listeners) listener.stats(frame);
  }

  private async compute(): Promise<string> {
    const [total, ...tops] = await Promise.all([
      this.reads.count({ by: 'total' }),
      this.reads.top('stream', TOP_ITEMS),
      this.reads.top('deviceType', TOP_ITEMS),
      this.reads.top('country', TOP_ITEMS),
    ]);
    const [streams, deviceTypes, countries] = tops.map(({ value }) => value);
    return statsFrame('stats', { ...total.value, streams, deviceTypes, countries });
  }
}
