/** Messages to the node that holds a socket (rule P5). */
import type { CloseReason, Displaced, SocketOwner } from '../session.ts';

/** A message to a node about sessions of its sockets (P5): delivered at most once, renewal is the backstop. */
export interface InboxMessage {
  readonly userId: string;
  readonly sessionId: string;
  readonly connection: number;
  readonly reason: CloseReason | 'moved';
  /** The session that took the slot, and the socket of the one that took it over, if it is one. */
  readonly by?: { readonly sessionId: string; readonly deviceType?: string; readonly socket?: TakerSocket };
}

export interface TakerSocket {
  readonly owner: SocketOwner;
  /** When it was taken over. Newer is whose hello came later (P7). */
  readonly helloAgoMs: number;
}

export interface StoreInbox {
  /** Notifies the node that owns each displaced socket. */
  notify(displaced: readonly Displaced[], by?: InboxMessage['by']): Promise<void>;
  /** Starts to deliver this node's inbox; replaces an earlier subscription. */
  listen(nodeId: string, deliver: (message: InboxMessage) => void): void;
}
