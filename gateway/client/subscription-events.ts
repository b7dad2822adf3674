/** Options and events of a dashboard's subscription. */
import type { ChangeView, SessionView, StatsView, Subscribe, TopicMessage } from '../protocol/messages.ts';
import type { ConnectedEvents, Status } from './connected.ts';
import type { PresenceConnection } from './presence-connection.ts';
import type { SocketOptions } from './socket-options.ts';
import type { Count } from './topic-view.ts';

export interface SubscriptionFields {
  /** `user:<id>`, `users:<id>,<id>…`, `stream:<id>`, `all` or `stats`. */
  readonly topic: string;
  /** Default `events`. With `auto` the server changes to summaries while the topic is fast. */
  readonly mode?: NonNullable<Subscribe['mode']>;
  /** Of an earlier subscription: resumes after it; `sessions` then holds only what changed since. */
  readonly cursor?: string;
  /** Of a topic of users: asks when those who are offline were last seen, for `statusOf`. */
  readonly seen?: boolean;
  /** Changes that may wait for a `for await`. Default 1,024. */
  readonly queueLimit?: number;
}

/** With a connection of its own, or one that it shares. */
export type PresenceSubscriptionOptions = SubscriptionFields &
  ((SocketOptions & { readonly on?: undefined }) | { readonly on: PresenceConnection });

export type IntervalSummary = Extract<TopicMessage, { type: 'interval' }>;

/** What a `for await` gets instead of changes it can no longer be given: `sessions` is to be read anew. */
export interface Resync {
  readonly kind: 'resync';
}

export interface UserPresence {
  readonly online: boolean;
  /** Online: undefined. Not known: null. */
  readonly lastSeenAt: number | null | undefined;
}

export interface SubscriptionStatus extends Status {
  /** Up to date; also while it reconnects, as of the last message. */
  readonly isReady: boolean;
  readonly count: Count | undefined;
  /** Sessions may be missing, as the server lost data a moment ago. */
  readonly degraded: boolean;
}

export interface PresenceSubscriptionEvents extends ConnectedEvents<SubscriptionStatus> {
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
}
