/** What may be subscribed to, and which changes and sessions concern it. Pure. */
import { type Change, type Dimension, isId, PRESENCE_ONLY, type Session } from '../../presence-core/index.ts';
import type { Subscribe } from '../protocol/messages.ts';

export const MAX_TOPIC_USERS = 200;

export interface Topic {
  /** As the client wrote it: what its messages are labelled with. */
  readonly text: string;
  readonly kind: 'users' | 'stream' | 'all' | 'stats';
  /** A change concerns the topic iff they have a key in common. */
  readonly keys: ReadonlySet<string>;
  /** Of `user:` and `users:`. */
  readonly userIds: readonly string[];
}

/** What a change does to the sessions of a topic. */
export interface Flow {
  readonly opened: number;
  readonly closed: number;
}

const ALL = 'a';
const userKey = (userId: string): string => `u${userId}`;
const streamKey = (streamId: string): string => `s${streamId}`;

/** @returns undefined for what is no topic. */
export function topicOf({ topic, ids }: Pick<Subscribe, 'topic' | 'ids'>): Topic | undefined {
  return parseTopic(ids ? `${topic}:${ids.join(',')}` : topic);
}

/** @returns undefined for what is no topic. */
export function parseTopic(text: string): Topic | undefined {
  if (text === 'all') return { text, kind: 'all', keys: new Set([ALL]), userIds: [] };
  if (text === 'stats') return { text, kind: 'stats', keys: new Set(), userIds: [] };
  const colon = text.indexOf(':');
  if (colon < 0) return undefined;
  const subject = text.slice(colon + 1);
  switch (text.slice(0, colon)) {
    case 'user':
      return ofUsers(text, [subject]);
    case 'users':
      return ofUsers(text, subject.split(',', MAX_TOPIC_USERS + 1));
    case 'stream':
      if (!isId(subject)) return undefined;
      return { text, kind: 'stream', keys: new Set([streamKey(subject)]), userIds: [] };
    default:
      return undefined;
  }
}

function ofUsers(text: string, named: readonly string[]): Topic | undefined {
  if (named.length > MAX_TOPIC_USERS || !named.every(isId)) return undefined;
  const userIds = [...new Set(named)];
  return { text, kind: 'users', keys: new Set(userIds.map(userKey)), userIds };
}

/** The keys of all topics that a change concerns: a stream switch is seen by both streams. */
export function keysOf(change: Change): string[] {
  const keys = [ALL, userKey(change.userId)];
  if (change.sessionId === PRESENCE_ONLY) return keys;
  const { streamId, previous } = change;
  if (streamId !== undefined) keys.push(streamKey(streamId));
  if (previous?.streamId !== undefined && previous.streamId !== streamId) keys.push(streamKey(previous.streamId));
  return keys;
}

export function concerns(topic: Topic, change: Change): boolean {
  return keysOf(change).some((key) => topic.keys.has(key));
}

export function shows(topic: Topic, session: Session): boolean {
  if (topic.kind !== 'stream') return true;
  const { streamId, sessionId } = session;
  return streamId !== undefined && sessionId !== PRESENCE_ONLY && topic.keys.has(streamKey(streamId));
}

export function flowOf(topic: Topic, change: Change): Flow {
  if (change.sessionId === PRESENCE_ONLY) return { opened: 0, closed: 0 };
  const within = (streamId: string | undefined): boolean =>
    topic.kind !== 'stream' || (streamId !== undefined && topic.keys.has(streamKey(streamId)));
  const before = change.kind === 'update' && change.previous ? change.previous.streamId : change.streamId;
  const was = change.kind !== 'open' && within(before);
  const is = change.kind !== 'close' && within(change.streamId);
  return { opened: Number(is && !was), closed: Number(was && !is) };
}

/** Where the store counts the sessions of a topic; undefined for topics of users, which are answered by their status. */
export function dimensionOf(topic: Topic): Dimension | undefined {
  if (topic.kind === 'all') return { by: 'total' };
  if (topic.kind === 'stream') return { by: 'stream', key: topic.text.slice('stream:'.length) };
  return undefined;
}
