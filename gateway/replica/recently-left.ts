/** When users who just went offline were last live: the newest of them, for an hour at most. */

/** Each of two generations is filled for so long; then the older one is forgotten. */
const GENERATION_MS = 1_800_000;

export class RecentlyLeft {
  readonly #max: number;
  #young = new Map<string, number>();
  #old = new Map<string, number>();
  #turnedAt = performance.now();

  /** @param max users kept, at least half as many when that many have left. */
  constructor(max: number) {
    this.#max = max;
  }

  get(userId: string): number | undefined {
    this.#turn();
    return this.#young.get(userId) ?? this.#old.get(userId);
  }

  set(userId: string, at: number): void {
    if (this.#max < 2) return;
    this.#turn();
    this.#young.set(userId, at);
  }

  delete(userId: string): void {
    this.#young.delete(userId);
    this.#old.delete(userId);
  }

  #turn(): void {
    const now = performance.now();
    if (this.#young.size < this.#max / 2 && now - this.#turnedAt < GENERATION_MS) return;
    // After a long silence the young generation is of too long ago as well.
    this.#old = now - this.#turnedAt < 2 * GENERATION_MS ? this.#young : new Map();
    this.#young = new Map();
    this.#turnedAt = now;
  }
}
