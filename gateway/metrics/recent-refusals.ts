/** The last refusals of users by this process, for support: who was refused, when, and who held the slots. */
import type { OpenRequest, OpenResult, Session } from '../../presence-core/index.ts';

export interface Refusal {
  readonly at: number;
  readonly sessionId: string;
  readonly streamId?: string | undefined;
  readonly deviceType?: string | undefined;
  readonly current: number;
  readonly max: number;
  /** Who held the slots, oldest first. */
  readonly conflicts: readonly Session[];
}

type Refused = Extract<OpenResult, { outcome: 'refused' }>;

/** So many users, and so many refusals of each: at most some MB whatever comes. */
const USERS_MAX = 1_000;
const OF_USER_MAX = 5;
/** Of a user with a great limit the first ones suffice. */
const CONFLICTS_MAX = 10;

export class RecentRefusals {
  /** The user who was refused longest ago first. */
  private readonly byUser = new Map<string, Refusal[]>();
  private readonly now: () => number;

  constructor(now: () => number = Date.now) {
    this.now = now;
  }

  add({ userId, sessionId, attributes }: OpenRequest, { current, max, conflicts }: Refused): void {
    const before = this.byUser.get(userId) ?? [];
    const { streamId, deviceType } = attributes;
    const at = this.now();
    const refusal = { at, sessionId, streamId, deviceType, current, max, conflicts: conflicts.slice(0, CONFLICTS_MAX) };
    this.byUser.delete(userId);
    this.byUser.set(userId, [refusal, ...before].slice(0, OF_USER_MAX));
    if (this.byUser.size > USERS_MAX) this.byUser.delete(this.byUser.keys().next().value as string);
  }

  /** Newest first. */
  of(userId: string): readonly Refusal[] {
    return this.byUser.get(userId) ?? [];
  }
}
