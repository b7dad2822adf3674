/** When users who just went offline were last live: the newest of them, for an hour. */
import { ExpiringMap } from '../../presence-core/index.ts';

const KEPT_MS = 3_600_000;

export class RecentlyLeft {
  readonly #leftAt: ExpiringMap<number>;
  /** The store's clock less the monotonic one of this process, as the newest instants tell: no other clock is asked. */
  #offsetMs = Number.NEGATIVE_INFINITY;

  /** @param max users kept. */
  constructor(max: number) {
    this.#leftAt = new ExpiringMap(max, (at) => at + KEPT_MS);
  }

  /** When the user was last live, in epoch milliseconds of the store; undefined when it is not known here. */
  get(userId: string): number | undefined {
    return this.#leftAt.get(userId, this.#now());
  }

  set(userId: string, at: number): void {
    this.#offsetMs = Math.max(this.#offsetMs, at - performance.now());
    this.#leftAt.set(userId, at);
    this.#leftAt.trim(this.#now());
  }

  delete(userId: string): void {
    this.#leftAt.delete(userId);
  }

  #now(): number {
    return performance.now() + this.#offsetMs;
  }
}
