/** One socket's subscription to `stats`: each message is whole, so a slow socket just misses some. */
import type { SendQueue } from './send-queue.ts';
import type { StatsListener, StatsTicker } from './stats-ticker.ts';

export class StatsSubscription implements StatsListener {
  private readonly ticker: StatsTicker;
  private readonly queue: SendQueue;
  private ended = false;

  constructor(ticker: StatsTicker, queue: SendQueue) {
    this.ticker = ticker;
    this.queue = queue;
  }

  /** @throws StoreError when the store does not answer. */
  async begin(_cursor: string | undefined, begun: (resumed: boolean) => void): Promise<void> {
    const frame = await this.ticker.now();
    if (this.ended) return;
    begun(false);
    this.queue.send(frame);
    this.ticker.add(this);
  }

  end(): void {
    this.ended = true;
    this.ticker.remove(this);
  }

  drained(): void {}

  stats(frame: string): void {
    this.queue.send(frame);
  }
}
