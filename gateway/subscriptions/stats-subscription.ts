/** One socket's subscription to `stats`: each message is whole, so a slow socket just misses some. */
import type { Outlet } from './send-queue.ts';
import type { StatsFeed, StatsListener } from './stats-ticker.ts';

export class StatsSubscription implements StatsListener {
  private readonly feed: StatsFeed;
  private readonly outlet: Outlet;
  private ended = false;

  constructor(feed: StatsFeed, outlet: Outlet) {
    this.feed = feed;
    this.outlet = outlet;
  }

  /** @throws StoreError when the store does not answer. */
  async begin(_cursor: string | undefined, begun: (resumed: boolean) => void): Promise<void> {
    const frame = await this.feed.now();
    if (this.ended) return;
    begun(false);
    this.outlet.send(frame);
    this.feed.add(this);
  }

  end(): void {
    this.ended = true;
    this.feed.remove(this);
  }

  drained(): void {}

  stats(frame: string): void {
    this.outlet.send(frame);
  }
}
