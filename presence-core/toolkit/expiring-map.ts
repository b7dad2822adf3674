/**
 * A bounded map whose entries fade: each is gone after its instant, and at the bound the one set first goes first.
 *
 * One iterator is kept across calls. All before it is deleted, so it always stands at the oldest entry; a new iterator
 * would have to step over every hole the engine has not compacted yet.
 */
interface Entry<V> {
  readonly value: V;
  readonly until: number;
}

export class ExpiringMap<V> {
  readonly #max: number;
  readonly #entries = new Map<string, Entry<V>>();
  #walk = this.#entries.entries();
  #front: readonly [string, Entry<V>] | undefined;

  constructor(max: number) {
    this.#max = max;
  }

  get(key: string, now: number): V | undefined {
    const entry = this.#entries.get(key);
    return entry !== undefined && entry.until > now ? entry.value : undefined;
  }

  set(key: string, value: V, until: number): void {
    this.#entries.delete(key);
    this.#entries.set(key, { value, until });
    if (this.#entries.size > this.#max) this.#dropOldest();
  }

  delete(key: string): void {
    this.#entries.delete(key);
  }

  /** Drops what has faded, as far as it lies at the front: the rest is dropped when its turn comes. */
  trim(now: number): void {
    for (let oldest = this.#oldest(); oldest !== undefined && oldest[1].until <= now; oldest = this.#oldest()) {
      this.#dropOldest();
    }
  }

  #dropOldest(): void {
    const oldest = this.#oldest();
    if (oldest !== undefined) this.#entries.delete(oldest[0]);
  }

  #oldest(): readonly [string, Entry<V>] | undefined {
    while (this.#front === undefined || this.#entries.get(this.#front[0]) !== this.#front[1]) {
      const next = this.#walk.next();
      if (next.done !== true) {
        this.#front = next.value;
      } else {
        this.#front = undefined;
        this.#walk = this.#entries.entries();
        if (this.#entries.size === 0) return undefined;
      }
    }
    return this.#front;
  }
}
