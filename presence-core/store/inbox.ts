/** Messages to nodes: about the sessions of their sockets (rules P5, P7), and about each other (P10). */
import type { CloseReason, Displaced } from '../session.ts';

/** A message to a node about a session of one of its sockets (P5): delivered at most once, renewal is the backstop. */
export interface InboxMessage {
  readonly userId: string;
  readonly sessionId: string;
  readonly connection: number;
  readonly reason: CloseReason | 'moved';
  /** The session that took the slot, or took it over. */
  readonly by?: {
    readonly sessionId: string;
    readonly deviceType?: string;
    /** Number of the connection that took it over (P7). */
    readonly connection?: number;
  };
}

/** Users whose sessions are to be renewed at once, as sockets may have been displaced that nobody notified (P7). */
export interface RenewalRequest {
  readonly renew: readonly string[] | 'all';
}

/** A node that has just joined: others do not know it before their next beat (P10). */
export interface JoinNotice {
  readonly joined: string;
  /** In which it joined. */
  readonly epoch: string;
}

/** What several nodes are sent alike. */
export type Broadcast = RenewalRequest | JoinNotice;

export type NodeMessage = InboxMessage | Broadcast;

export interface StoreInbox {
  /** Notifies the node that owns each displaced socket. */
  notify(displaced: readonly Displaced[], by?: InboxMessage['by']): Promise<void>;
  /** Sends a message to nodes. One that is gone does not matter. */
  send(nodeIds: readonly string[], message: Broadcast): Promise<void>;
  /** Starts to deliver this node's inbox; replaces an earlier subscription. */
  listen(nodeId: string, deliver: (message: NodeMessage) => void): void;
}
