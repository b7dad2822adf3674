/**
 * Token buckets, each of them one number: the instant at which it will be full again.
 *
 * Our own, because the libraries weigh more than the rule: rate-limiter-flexible counts in fixed windows with a timer
 * per key and no bound of keys, `limiter` knows no keys.
 */
import { ExpiringMap } from '../../presence-core/index.ts';

export class Rate {
  private readonly intervalMs: number;
  private readonly depthMs: number;

  /** @param burst 0 for as many as a second's. */
  constructor(perSecond: number, burst: number) {
    this.intervalMs = 1_000 / perSecond;
    // A part of a microsecond more, as sums of intervals are not exact.
    this.depthMs = this.intervalMs * (burst || perSecond) + 0.0005;
  }

  /** @returns when a bucket is full again that one more token is taken from. */
  spend(fullAt: number, now: number): number {
    return Math.max(fullAt, now) + this.intervalMs;
  }

  /** @returns how many buckets' depth is missing: above 1, the bucket is overdrawn. */
  drawn(fullAt: number, now: number): number {
    return (fullAt - now) / this.depthMs;
  }

  /** @returns how long until an overdrawn bucket is not overdrawn. */
  waitMs(fullAt: number, now: number): number {
    return Math.max(0, fullAt - now - this.depthMs);
  }
}

/** ~100 bytes a bucket. Beyond it the bucket unused for longest is forgotten, that is, full. */
const MAX_BUCKETS = 100_000;

/** One bucket per client. A full one is not kept. */
export class ClientRate {
  private readonly rate: Rate;
  /** When each is full, in the order of their last use. */
  private readonly fullAt: ExpiringMap<number>;

  constructor(rate: Rate, maxBuckets = MAX_BUCKETS) {
    this.rate = rate;
    this.fullAt = new ExpiringMap(maxBuckets, (fullAt) => fullAt);
  }

  get buckets(): number {
    return this.fullAt.size;
  }

  /** How long the client has to wait; 0 when it may go on. Takes nothing. */
  waitMs(client: string, now = performance.now()): number {
    return this.rate.waitMs(this.rate.spend(this.fullAt.get(client, now) ?? 0, now), now);
  }

  /** Takes a token when there is one. @returns how long the client has to wait; 0 when it may go on. */
  take(client: string, now = performance.now()): number {
    const fullAt = this.rate.spend(this.fullAt.get(client, now) ?? 0, now);
    const waitMs = this.rate.waitMs(fullAt, now);
    if (waitMs > 0) return waitMs;
    this.fullAt.set(client, fullAt);
    // Two at each entry, so that the map shrinks again after a flood, and nobody waits for all of it.
    this.fullAt.trim(now, 2);
    return 0;
  }
}

/** @returns undefined when there is no limit. */
export function createRate(perSecond: number, burst: number): Rate | undefined {
  return perSecond > 0 ? new Rate(perSecond, burst) : undefined;
}

export function createClientRate(perSecond: number, burst: number): ClientRate | undefined {
  return perSecond > 0 ? new ClientRate(new Rate(perSecond, burst)) : undefined;
}
