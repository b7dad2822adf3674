/** Messages to the node that holds a socket (rule P5). */
import type { CloseReason, Displaced } from '../session.ts';

/** A message to a node about sessions of its sockets (P5): delivered at most once, renewal is the backstop. */
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

export interface StoreInbox {
  /** Notifies the node that owns each displaced socket. */
  notify(displaced: readonly Displaced[], by?: InboxMessage['by']): Promise<void>;
  /** Starts to deliver this node's inbox; replaces an earlier subscription. */
  listen(nodeId: string, deliver: (message: InboxMessage) => void): void;
}
