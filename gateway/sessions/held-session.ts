/** What a player's socket holds, enough to open it again when the store forgot it (P10). */
import type { Attributes, OpenResult } from '../../presence-core/index.ts';
import type { Hello, Update } from '../protocol/messages.ts';

export interface HeldSession {
  readonly userId: string;
  readonly sessionId: string;
  readonly attributes: Attributes;
  readonly startedAt: number;
  /** Or then, instead, as its resume token says; absent once the store has answered. */
  readonly orStartedAt?: readonly number[] | undefined;
  /** As in the log's `Change`. */
  readonly segment: number;
  readonly segmentStartedAt: number;
}

/** An answer after which this socket holds the session. */
export type Opened = Extract<OpenResult, { outcome: 'opened' | 'renewed' | 'held' }>;

/**
 * The session as the store answered: what a restored one begins with (P10).
 * @param hasChanged since it was asked; then the segment is not the answer's any more.
 */
export function keep(
  session: HeldSession,
  answer: Pick<Opened, 'segment' | 'segmentStartedAt'> & Partial<Pick<Opened, 'startedAt'>>,
  hasChanged = false,
): HeldSession {
  const { startedAt = session.startedAt } = answer;
  const kept = { ...session, startedAt, ...(answer.startedAt !== undefined && { orStartedAt: undefined }) };
  if (hasChanged) return kept;
  const { segment, segmentStartedAt } = answer;
  return { ...kept, segment, segmentStartedAt };
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
