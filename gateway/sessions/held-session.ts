/** What a player's socket holds, enough to open it again when the store forgot it (P10). */
import type { Attributes, OpenResult, SocketOwner } from '../../presence-core/index.ts';
import type { Hello, Update } from '../protocol/messages.ts';

export interface HeldSession {
  readonly userId: string;
  readonly sessionId: string;
  readonly attributes: Attributes;
  readonly startedAt: number;
  /** As in the log's `Change`. */
  readonly segment: number;
  readonly segmentStartedAt: number;
  /** Who held it when it was opened, the latest first: a store that went back may have it under these again (P10). */
  readonly takenFrom?: readonly SocketOwner[];
  /** Sockets whose hello came before, and that took it over all the same, the latest first: it is taken from these (P7). */
  readonly olderTakers?: readonly SocketOwner[];
}

/** Of many takeovers one after the other only the latest are undone by a failover, or come late. */
const TAKEN_FROM_MAX = 4;

/** An answer after which this socket holds the session. */
export type Opened = Extract<OpenResult, { outcome: 'opened' | 'renewed' | 'held' }>;

/**
 * The session as the store answered: what a restored one begins with (P10).
 * @param hasChanged since it was asked; then the segment is not the answer's any more.
 */
export function keep(
  session: HeldSession,
  answer: Pick<Opened, 'segment' | 'segmentStartedAt'> & Partial<Pick<Opened, 'startedAt' | 'displaced'>>,
  hasChanged = false,
): HeldSession {
  const startedAt = answer.startedAt ?? session.startedAt;
  const former = answer.displaced?.find((each) => each.reason === 'moved')?.owner;
  const takenFrom =
    typeof former === 'object' ? [former, ...(session.takenFrom ?? [])].slice(0, TAKEN_FROM_MAX) : session.takenFrom;
  const kept = { ...session, startedAt, ...(takenFrom && { takenFrom }) };
  if (hasChanged) return kept;
  const { segment, segmentStartedAt } = answer;
  return { ...kept, segment, segmentStartedAt };
}

export function takenByOlder(session: HeldSession, taker: SocketOwner): HeldSession {
  return { ...session, olderTakers: [taker, ...(session.olderTakers ?? [])].slice(0, TAKEN_FROM_MAX) };
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
