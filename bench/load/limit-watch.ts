/**
 * Whether a user ever holds more than its limit, as seen from outside: what welcomes say, and the sockets that are held.
 * A socket that was evicted may be told a moment later, so only what lasts is a fault.
 */
const TOLD_WITHIN_MS = 5_000;

interface HeldUser {
  held: number;
  max: number;
  /** Since when more are held than may be. */
  overSinceMs: number | undefined;
  /** Let in unchecked, which the server said: above the limit is then no fault. */
  isExempt: boolean;
}

export interface Admission {
  /** Of the answer: live sessions of the user, and how many may be. Absent in what an outage let in. */
  readonly current?: number | undefined;
  readonly max?: number | undefined;
  readonly isDegraded: boolean;
  /** A session that goes on may be above a limit that was lowered. */
  readonly isNew: boolean;
}

export class LimitWatch {
  /** Admissions that were checked. */
  checked = 0;
  private readonly users = new Map<string, HeldUser>();
  private readonly violation: (text: string) => void;

  constructor(violation: (text: string) => void) {
    this.violation = violation;
  }

  /** A session was admitted, or taken back. @param isHeld by a socket that will be released. */
  admitted(userId: string, { current, max, isDegraded, isNew }: Admission, nowMs: number, isHeld = true): void {
    const user = this.users.get(userId) ?? { held: 0, max: 0, overSinceMs: undefined, isExempt: false };
    this.users.set(userId, user);
    if (isHeld) user.held += 1;
    if (isDegraded || max === undefined || current === undefined) {
      user.isExempt = true;
      return;
    }
    user.max = Math.max(user.max, max);
    if (user.isExempt) return;
    this.checked += 1;
    if (isNew && current > max) this.violation(`limit: ${userId} was admitted as session ${current} of ${max}`);
    this.look(user, nowMs);
  }

  released(userId: string, nowMs: number): void {
    const user = this.users.get(userId);
    if (!user) return;
    user.held -= 1;
    this.look(user, nowMs);
    if (user.held === 0 && !user.isExempt) this.users.delete(userId);
  }

  /** Once a second, say. */
  check(nowMs: number): void {
    for (const [userId, user] of this.users) {
      if (user.overSinceMs === undefined || nowMs - user.overSinceMs < TOLD_WITHIN_MS) continue;
      this.violation(`limit: ${userId} holds ${user.held} sessions of ${user.max} for ${TOLD_WITHIN_MS / 1_000} s`);
      // Told once.
      user.overSinceMs = undefined;
      user.isExempt = true;
    }
  }

  private look(user: HeldUser, nowMs: number): void {
    const isOver = user.held > user.max && !user.isExempt;
    user.overSinceMs = isOver ? (user.overSinceMs ?? nowMs) : undefined;
  }
}
