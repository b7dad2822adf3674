/** Limits of single users in memory (P6). */
import type { StoreLimits } from '../store/limits.ts';
import type { OpenRequest } from '../store/sessions.ts';

export class MemoryLimits implements StoreLimits {
  readonly #default: number;
  readonly #overrides = new Map<string, number>();

  /** @param defaultLimit of users without an override whose request names no limit. */
  constructor(defaultLimit: number) {
    this.#default = defaultLimit;
  }

  async override(userId: string): Promise<number | null> {
    return this.#overrides.get(userId) ?? null;
  }

  async setOverride(userId: string, max: number | null): Promise<void> {
    if (max === null) this.#overrides.delete(userId);
    else this.#overrides.set(userId, max);
  }

  /** What counts for an open: the limit of the token, else the override, else the default. */
  ofRequest({ limit, userId }: OpenRequest): number {
    return limit ?? this.#overrides.get(userId) ?? this.#default;
  }

  /** What reads tell: the override, else the limit at the newest live session's admission, else the default. */
  ofReads(userId: string, ofNewest: number | undefined): number {
    return this.#overrides.get(userId) ?? ofNewest ?? this.#default;
  }
}
