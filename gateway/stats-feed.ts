/** Topic `stats`: totals and tops, asked of the store once a second for everybody while anybody subscribes. */
import type { PresenceStore } from '../presence-core/index.ts';
import { statsFrame } from './frames.ts';

export interface StatsListener {
  stats(frame: string): void;
}

const TOP_ITEMS = 10;

export class StatsFeed {
  private readonly store: PresenceStore;
  private readonly intervalMs: number;
  private readonly listeners = new Set<StatsListener>();
  private timer: NodeJS.Timeout | undefined;
  private asking: Promise<string> | undefined;
  /** What was last told, while it is told. */
  private latest: string | undefined;

  constructor(store: PresenceStore, intervalMs: number) {
    this.store = store;
    this.intervalMs = intervalMs;
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
    // While the store is away nothing is said.
    const frame = await this.ask().catch(() => undefined);
    this.latest = this.listeners.size > 0 ? frame : undefined;
    if (frame !== undefined) for (const listener of this.listeners) listener.stats(frame);
  }

  private ask(): Promise<string> {
    this.asking ??= this.compute().finally(() => {
      this.asking = undefined;
    });
    return this.asking;
  }

  private async compute(): Promise<string> {
    const [[total], streams, deviceTypes, countries] = await Promise.all([
      this.store.counts([{ by: 'total' }]),
      this.store.top('stream', TOP_ITEMS),
      this.store.top('deviceType', TOP_ITEMS),
      this.store.top('country', TOP_ITEMS),
    ]);
    const { users, sessions } = total ?? { users: 0, sessions: 0 };
    return statsFrame('stats', { users, sessions, streams, deviceTypes, countries });
  }
}
