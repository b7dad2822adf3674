/**
 * The one map that forgets: bounded, each value is gone after its instant, and at the bound the one set first goes
 * first. The instant is read out of the value, so that nothing but the value is kept.
 *
 * One iterator is kept across calls. All before it is deleted, so it always stands at the oldest entry; a new iterator
 * would have to step over every hole the engine has not compacted yet.
 */
export class ExpiringMap<V> {
  readonly #max: number;
  readonly #expiresAt: (value: V) => number;
  readonly #values = new Map<string, V>();
  #rest = this.#values.keys();
  /** The key set longest ago, when it is known. */
  #oldest: string | undefined;

  /**
   * @param max most entries kept.
   * @param expiresAt until when a value is kept, on the clock of the `now` that is given to the methods.
   */
  constructor(max: number, expiresAt: (value: V) => number) {
    this.#max = max;
    this.#expiresAt = expiresAt;
  }

  /** Entries kept, among them such as have expired and were not trimmed yet. */
  get size(): number {
    return this.#values.size;
  }

  get(key: string, now: number): V | undefined {
    const value = this.#values.get(key);
    return value !== undefined && this.#expiresAt(value) > now ? value : undefined;
  }

  /** Sets a value, as the newest. */
  set(key: string, value: V): void {
    this.delete(key);
    this.#values.set(key, value);
    if (this.#values.size > this.#max) this.delete(this.#findOldest() as string);
  }

  delete(key: string): void {
    if (key === this.#oldest) this.#oldest = undefined;
    this.#values.delete(key);
  }

  /**
   * Drops the oldest entries that have expired; one behind an entry that has not is dropped when its turn comes.
   * @param most drops no more than so many.
   * @returns whether it dropped so many: there may be more.
   */
  trim(now: number, most = Number.POSITIVE_INFINITY): boolean {
    for (let dropped = 0; dropped < most; dropped += 1) {
      const oldest = this.#findOldest();
      if (oldest === undefined || this.#expiresAt(this.#values.get(oldest) as V) > now) return false;
      this.delete(oldest);
    }
    return true;
  }

  #findOldest(): string | undefined {
    if (this.#oldest !== undefined || this.#values.size === 0) return this.#oldest;
    let next = this.#rest.next();
    if (next.done === true) {
      this.#rest = this.#values.keys();
      next = this.#rest.next();
    }
    this.#oldest = next.value;
    return this.#oldest;
  }
}
