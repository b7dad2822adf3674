/** What may be subscribed to, and which changes concern it. Pure. */
import { type Change, type Dimension, isId, PRESENCE_ONLY } from '../../presence-core/index.ts';
import type { Subscribe } from '../protocol/messages.ts';
import { usersTopic } from '../protocol/users-topic.ts';

export const MAX_TOPIC_USERS = 200;

export interface Topic {
  /** As the client wrote it: what its messages are labelled with. */
  readonly text: string;
  readonly kind: 'users' | 'stream' | 'all' | 'stats';
  /** Of `user:` and `users:`. */
  readonly userIds: readonly string[];
  /** Of `stream:`. */
  readonly streamId?: string;
}

/** What a change does to the sessions of a topic. */
export interface Flow {
  readonly opened: number;
  readonly closed: number;
}

const NO_USERS: readonly string[] = [];

/** @returns undefined for what is no topic. */
export function topicOf({ topic, ids }: Pick<Subscribe, 'topic' | 'ids'>): Topic | undefined {
  if (!ids) return parseTopic(topic);
  if (topic === 'user') return ids.length === 1 ? ofUsers(`user:${ids[0]}`, ids) : undefined;
  return topic === 'users' && ids.length > 0 ? ofUsers(usersTopic(ids), ids) : undefined;
}

/** @returns undefined for what is no topic. */
export function parseTopic(text: string): Topic | undefined {
  if (text === 'all') return { text, kind: 'all', userIds: NO_USERS };
  if (text === 'stats') return { text, kind: 'stats', userIds: NO_USERS };
  const colon = text.indexOf(':');
  if (colon < 0) return undefined;
  const subject = text.slice(colon + 1);
  switch (text.slice(0, colon)) {
    case 'user':
      return ofUsers(text, [subject]);
    case 'users':
      return ofUsers(text, subject.split(',', MAX_TOPIC_USERS + 1).map(decoded));
    case 'stream':
      if (!isId(subject)) return undefined;
      return { text, kind: 'stream', userIds: NO_USERS, streamId: subject };
    default:
      return undefined;
  }
}

/** @returns undefined for what is not percent-encoded UTF-8. */
function decoded(written: string): string | undefined {
  try {
    return written.includes('%') ? decodeURIComponent(written) : written;
  } catch {
    return undefined;
  }
}

function ofUsers(text: string, named: readonly (string | undefined)[]): Topic | undefined {
  if (named.length > MAX_TOPIC_USERS || !named.every(isId)) return undefined;
  return { text, kind: 'users', userIds: [...new Set(named)] };
}

/** The streams that a change concerns: a switch is seen by both. */
export function streamsOf(change: Change): readonly string[] {
  if (change.sessionId === PRESENCE_ONLY) return [];
  const { streamId, previous } = change;
  const former = previous?.streamId === streamId ? undefined : previous?.streamId;
  return [streamId, former].filter((id) => id !== undefined);
}

export function flowOf(topic: Topic, change: Change): Flow {
  if (change.sessionId === PRESENCE_ONLY) return { opened: 0, closed: 0 };
  const within = (streamId: string | undefined): boolean => topic.kind !== 'stream' || streamId === topic.streamId;
  const before = change.kind === 'update' && change.previous ? change.previous.streamId : change.streamId;
  const was = change.kind !== 'open' && within(before);
  const is = change.kind !== 'close' && within(change.streamId);
  return { opened: Number(is && !was), closed: Number(was && !is) };
}

/** Where the store counts the sessions of a topic; undefined for topics of users, which are answered by their status. */
export function dimensionOf(topic: Topic): Dimension | undefined {
  if (topic.kind === 'all') return { by: 'total' };
  if (topic.kind === 'stream') return { by: 'stream', key: topic.streamId as string };
  return undefined;
}
