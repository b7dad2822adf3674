/** When users who just went offline were last live: the newest of them, for an hour and a half at most. */

/** The young are filled for so long, then they are the old; the old are believed for twice as long again. */
const GENERATION_MS = 1_800_000;

export class RecentlyLeft {
  readonly #max: number;
  #young = new Map<string, number>();
  #old = new Map<string, number>();
  #turnedAt = performance.now();

  /** @param max users kept; at least the newest half of them. */
  constructor(max: number) {
    this.#max = max;
  }

  get(userId: string): number | undefined {
    if (performance.now() - this.#turnedAt > 2 * GENERATION_MS) return undefined;
    return this.#young.get(userId) ?? this.#old.get(userId);
  }

  set(userId: string, at: number): void {
    if (this.#max < 2) return;
    const now = performance.now();
    if (this.#young.size >= Math.floor(this.#max / 2) || now - this.#turnedAt > GENERATION_MS) {
      this.#old = this.#young;
      this.#young = new Map();
      this.#turnedAt = now;
    }
    this.#young.set(userId, at);
  }

  delete(userId: string): void {
    this.#young.delete(userId);
    this.#old.delete(userId);
  }
}
