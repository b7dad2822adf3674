/** A player whose session a socket of this process holds, or is about to, as the node needs it. */
import type { InboxMessage, SocketOwner } from '../../presence-core/index.ts';

export interface HeldPlayer {
  /** Number of the socket in this process: names the owner of the session (P7). */
  readonly connection: number;
  /** Undefined once the session is over or left to the grace. */
  readonly session:
    | {
        readonly userId: string;
        readonly sessionId: string;
        /** Under which it was last opened. */
        readonly owner: SocketOwner;
        readonly degraded: boolean;
      }
    | undefined;
  /** The session that the store was asked to open, until it has answered. */
  readonly opening: { readonly userId: string; readonly sessionId: string } | undefined;
  /** Where the renewals keep it. */
  renewSlot: number;
  /**
   * Opens the session again: `resume` where the lease lapsed, `restore` where the store forgot it (P9, P10).
   * @returns false when it is to be tried again.
   */
  reopen(intent: ReopenIntent): Promise<boolean>;
  /** The store says that this socket no longer holds its session (P5, P7). */
  displaced(reason: InboxMessage['reason'], by?: InboxMessage['by']): void;
}

export type ReopenIntent = 'resume' | 'restore';
