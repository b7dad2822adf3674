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

/**
 * Of what is made for each hello, field by field: an object with a spread for each of six fields takes 4 µs, and a storm is
 * thousands of hellos a second.
 */
export type Draft<T> = { -readonly [Name in keyof T]: T[Name] };

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
  const kept: Draft<HeldSession> = { ...session };
  if (answer.startedAt !== undefined) {
    kept.startedAt = answer.startedAt;
    kept.orStartedAt = undefined;
  }
  if (!hasChanged) {
    kept.segment = answer.segment;
    kept.segmentStartedAt = answer.segmentStartedAt;
  }
  return kept;
}

/** The attributes that a message names; the others are absent. */
export function attributesOf(m: Hello | Update): Attributes {
  const attributes: Draft<Attributes> = {};
  if (m.streamId !== undefined) attributes.streamId = m.streamId;
  if ('deviceId' in m && m.deviceId !== undefined) attributes.deviceId = m.deviceId;
  if (m.deviceType !== undefined) attributes.deviceType = m.deviceType;
  if (m.country !== undefined) attributes.country = m.country;
  if (m.state !== undefined) attributes.state = m.state;
  if (m.meta !== undefined) attributes.meta = m.meta;
  return attributes;
}
