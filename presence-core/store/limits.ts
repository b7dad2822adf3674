/** Limits of single users (rule P6). */

export interface StoreLimits {
  /** @returns null when the user has no override. */
  override(userId: string): Promise<number | null>;
  /** @param max at most `MAX_LIMIT`; `null` removes the override. */
  setOverride(userId: string, max: number | null): Promise<void>;
}
