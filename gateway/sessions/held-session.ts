/** What a player's socket holds, enough to open it again when the store forgot it (P10). */
import type { Attributes, OpenResult, SocketOwner } from '../../presence-core/index.ts';
import type { Hello, Update } from '../protocol/messages.ts';

export interface HeldSession {
  /** Under which the store was last asked to open it. */
  owner: SocketOwner;
  /** Under which it was opened before, or may have been, until an open is answered. */
  formerOwners: SocketOwner[];
  /** That open had no answer: the store may have it, or may yet get it. */
  isUncertain: boolean;
  readonly userId: string;
  readonly sessionId: string;
  attributes: Attributes;
  startedAt: number;
  /** As in the log's `Change`. */
  segment: number;
  segmentStartedAt: number;
  /** Let in unchecked while the store was away. */
  degraded: boolean;
}

/** An answer after which this socket holds the session. */
export type Opened = Extract<OpenResult, { outcome: 'opened' | 'renewed' | 'held' }>;

/** Keeps what the store answered: what a restored session begins with (P10). */
export function keep(
  session: HeldSession,
  answer: { readonly startedAt?: number; readonly segment: number; readonly segmentStartedAt: number },
): void {
  session.startedAt = answer.startedAt ?? session.startedAt;
  session.segment = answer.segment;
  session.segmentStartedAt = answer.segmentStartedAt;
}

export function isOpened(result: OpenResult | undefined): result is Opened {
  return result?.outcome === 'opened' || result?.outcome === 'renewed';
}

/** The attributes that a message names; the others are absent. */
export function attributesOf(m: Hello | Update): Attributes {
  return {
    ...(m.streamId !== undefined && { streamId: m.streamId }),
    ...('deviceId' in m && m.deviceId !== undefined && { deviceId: m.deviceId }),
    ...(m.deviceType !== undefined && { deviceType: m.deviceType }),
    ...(m.country !== undefined && { country: m.country }),
    ...(m.state !== undefined && { state: m.state }),
    ...(m.meta !== undefined && { meta: m.meta }),
  };
}
