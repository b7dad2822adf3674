/** Acts on sessions: admission, renewal, change and end (rules P3-P8). */
import type { Attributes, CloseReason, Displaced, Owner, Session } from '../session.ts';

export interface OpenRequest {
  readonly userId: string;
  readonly sessionId: string;
  readonly attributes: Attributes;
  readonly owner: Owner;
  readonly leaseMs: number;
  /** From the token; else the per-user override counts, else the store's default (P6). */
  readonly limit?: number;
  readonly onLimit?: 'reject' | 'evict-oldest';
  /** Sessions of the same user to end in the same step (P5). */
  readonly replace?: readonly string[];
  /**
   * `fresh` clears a tombstone (a hello); `resume` and `beat` are answered `ended` by one (P5).
   * `return` is a resume of a live session only: it never admits, and is answered `gone` when there is none, or when it
   * began at other instants than `startedAt` and `orStartedAt`.
   * `beat` leaves a session that a socket holds as it is.
   * `restore` re-opens what the store forgot, with its `startedAt` and segment, above the limit if need be; a live session
   * that began before it is an earlier one, and ends (P10).
   */
  readonly intent: 'fresh' | 'resume' | 'return' | 'beat' | 'restore';
  /**
   * With `return`: when the session began that is returned to. With all others: when one begins that is not live, with
   * `segment` also in which segment it goes on (P4, P10); never later than now. Absent: it begins now.
   */
  readonly startedAt?: number;
  /** With `return`: other instants at which it may have begun. */
  readonly orStartedAt?: readonly number[];
  readonly segment?: number;
  readonly segmentStartedAt?: number;
  /**
   * By a socket that `held` the session, or whose hello came a while ago. Absent: just now. Nothing is taken from a socket
   * whose hello came later, and by one that `held` it nothing from a beat or a guard, but with `restore`: the answer is
   * `moved` (P7).
   */
  readonly socketWas?: 'held' | 'late';
  /** With `beat` and `resume`: it may have been admitted before the store forgot it, and is opened up to twice the limit (P10). */
  readonly returns?: boolean;
}

/** `current` counts the user's live sessions after the act, presence-only marks left out. */
export type OpenResult =
  | {
      /** `held`: a beat for a session that a socket holds; nothing was changed. */
      readonly outcome: 'opened' | 'renewed' | 'held';
      readonly current: number;
      readonly max: number;
      readonly startedAt: number;
      /** As in `Change`. */
      readonly segment: number;
      readonly segmentStartedAt: number;
      readonly expiresAt: number;
      /** Sessions this act ended, and the same session's former socket when it moved. */
      readonly displaced: readonly Displaced[];
    }
  | {
      readonly outcome: 'refused';
      readonly current: number;
      readonly max: number;
      /** Who holds the slots, oldest first. */
      readonly conflicts: readonly Session[];
      /** When the first of them could free, if nobody renews it. */
      readonly nextFreeAt: number;
      /** What `replace` ended although there was still no room. */
      readonly displaced: readonly Displaced[];
    }
  /** After `retryAfterMs` its tombstone is over. */
  | { readonly outcome: 'ended'; readonly reason: CloseReason; readonly retryAfterMs: number }
  | { readonly outcome: 'fenced' }
  /** Only with `socketWas`: somebody else holds it. */
  | { readonly outcome: 'moved' }
  /** Only to the intent `return`. */
  | { readonly outcome: 'gone' };

export interface SessionRef {
  readonly userId: string;
  readonly sessionId: string;
}

export interface OwnedRef extends SessionRef {
  /** The act changes nothing and answers `moved` when another owner holds the session (P7). */
  readonly owner: Owner;
}

export interface RenewRequest extends OwnedRef {
  readonly leaseMs: number;
}

/** Why an act on a session changed nothing. `gone`: not live. `ended`: a tombstone tells why. */
export type Miss =
  | { readonly outcome: 'gone' | 'moved' | 'fenced' }
  | { readonly outcome: 'ended'; readonly reason: CloseReason };

/** What is stored of this session cannot be read: a fault (`internal`) of its own, not of the others in the call. */
export type Failed = { readonly outcome: 'failed' };

export type RenewResult = { readonly outcome: 'renewed'; readonly expiresAt: number } | Miss | Failed;

export type DetachResult = { readonly outcome: 'detached'; readonly expiresAt: number } | Miss | Failed;

export interface UpdateRequest extends SessionRef {
  /** Checked when given. */
  readonly owner?: Owner;
  readonly attributes: Attributes;
}

export type UpdateResult =
  | {
      readonly outcome: 'updated' | 'unchanged';
      /** The session's, after the act. */
      readonly segment: number;
      readonly segmentStartedAt: number;
    }
  | Miss;

export interface CloseRequest extends SessionRef {
  /** Checked when given. */
  readonly owner?: Owner;
  /** `kicked` leaves a tombstone, `left` a short one (P5, P8). */
  readonly reason: 'left' | 'timeout' | 'kicked';
}

export type CloseResult = { readonly outcome: 'closed'; readonly displaced: Displaced } | Miss;

/** Each act is one atomic step and idempotent (P7), so that it may be repeated after an unknown outcome. */
export interface StoreSessions {
  /** Admission (P4–P7). */
  open(request: OpenRequest): Promise<OpenResult>;
  /** Extends leases; results in the order of the requests. Writes the users' sets only. */
  renew(requests: readonly RenewRequest[]): Promise<RenewResult[]>;
  update(request: UpdateRequest): Promise<UpdateResult>;
  /** Leaves sessions to the resume grace, without an owner (P8). Results in the order of the requests. */
  detach(requests: readonly OwnedRef[], graceMs: number): Promise<DetachResult[]>;
  close(request: CloseRequest): Promise<CloseResult>;
  /** Ends all live sessions of a user with reason `kicked`, each leaving a tombstone. */
  kick(userId: string): Promise<readonly Displaced[]>;
}
