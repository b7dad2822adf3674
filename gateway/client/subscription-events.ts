/** Options and events of a dashboard's subscription. */
import type { ChangeView, SessionView, StatsView, Subscribe, TopicMessage } from '../protocol/messages.ts';
import type { PresenceError } from './presence-error.ts';
import type { Disconnection } from './reconnecting-socket.ts';
import type { SocketOptions } from './socket-options.ts';

export interface PresenceSubscriptionOptions extends SocketOptions {
  /** `user:<id>`, `users:<id>,<id>…`, `stream:<id>`, `all` or `stats`. */
  readonly topic: string;
  /** Default `events`. With `auto` the server changes to summaries while the topic is fast. */
  readonly mode?: NonNullable<Subscribe['mode']>;
  /** Of an earlier subscription: resumes after it; `sessions` then holds only what changed since. */
  readonly cursor?: string;
  /** Changes that may wait for a `for await`. Default 1,024. */
  readonly queueLimit?: number;
}

export type IntervalSummary = Extract<TopicMessage, { type: 'interval' }>;

/** What a `for await` gets instead of changes it can no longer be given: `sessions` is to be read anew. */
export interface Resync {
  readonly kind: 'resync';
}

export interface PresenceSubscriptionEvents {
  /** Subscribed and up to date, at first and after every reconnect. */
  ready: { readonly resumed: boolean };
  /** After it was applied to `sessions`. */
  change: ChangeView;
  /** `sessions` was replaced as a whole. */
  snapshot: ReadonlyMap<string, SessionView>;
  interval: IntervalSummary;
  stats: StatsView;
  /** Changes were lost, a snapshot follows; until it is whole `sessions` is that of before. */
  resync: Resync;
  disconnected: Disconnection;
  reconnecting: { readonly attempt: number; readonly delayMs: number };
  /** For good; by the caller, or by the server. */
  closed: PresenceError;
  error: PresenceError;
}
