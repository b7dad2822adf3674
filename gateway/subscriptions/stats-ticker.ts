/** Topic `stats`: totals and tops, read once a second for everybody while anybody subscribes. */

import { singleFlight } from '../../presence-core/index.ts';
import type { PresenceReads } from '../replica/reads.ts';
import { statsFrame } from './frames.ts';
import type { Moment } from './summaries.ts';

export interface StatsListener {
  stats(frame: string): void;
}

const TOP_ITEMS = 10;

export class StatsTicker {
  private readonly reads: PresenceReads;
  private readonly intervalMs: number;
  private readonly moment: Moment;
  private readonly listeners = new Set<StatsListener>();
  private timer: NodeJS.Timeout | undefined;
  private readonly ask = singleFlight(() => this.compute());
  /** The newest frame, while anybody subscribes. */
  private latest: string | undefined;

  constructor(reads: PresenceReads, intervalMs: number, moment: Moment) {
    this.reads = reads;
    this.intervalMs = intervalMs;
    this.moment = moment;
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
    if (this.moment.isQuiet()) return;
    // While the store is away nothing is said.
    const frame = await this.ask().catch(() => undefined);
    this.latest = this.listeners.size > 0 ? frame : undefined;
    if (frame !== undefined) for (const listener of this.listeners) listener.stats(frame);
  }

  private async compute(): Promise<string> {
    const isDegraded = this.moment.isDegraded();
    const [total, ...tops] = await Promise.all([
      this.reads.count({ by: 'total' }),
      this.reads.top('stream', TOP_ITEMS),
      this.reads.top('deviceType', TOP_ITEMS),
      this.reads.top('country', TOP_ITEMS),
    ]);
    const [streams, deviceTypes, countries] = tops.map(({ value }) => value);
    const stats = { ...total.value, streams, deviceTypes, countries };
    return statsFrame('stats', stats, isDegraded || this.moment.isDegraded());
  }
}
