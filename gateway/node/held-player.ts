/** A player whose session a socket of this process holds, or may hold, as the node needs it. */
import type { InboxMessage, Miss, SessionRef, SocketOwner } from '../../presence-core/index.ts';

export interface HeldPlayer {
  /** Number of its connection: names the owner of the session (P7). */
  readonly connection: number;
  /** Also while it is opened; undefined once it is over. */
  readonly session: SessionRef | undefined;
  /** Under which its lease is to be renewed; undefined while the session is not known to be open. */
  readonly owner: SocketOwner | undefined;
  /** Its session is to be opened (again): it waits for its turn. */
  readonly isDue: boolean;
  /** It was let in without an answer of the store, and is yet to be admitted. */
  readonly isUnchecked: boolean;
  /** Where the renewals keep it. */
  renewSlot: number;
  /** The node lost its lease (`resume`), or the store the session (`restore`) (P9, P10). */
  lost(intent: ReopenIntent): void;
  /** Its turn to be opened again has come. Resolves when the store has answered, or failed to; then `isDue` tells. */
  reopen(): Promise<void>;
  /** The store told its clock: what its session was dated by before that is so much too early. */
  redated(byMs: number): void;
  /** A renewal under `owner` found no session of it. */
  missed(owner: SocketOwner, miss: Miss): void;
  /** The store says that this socket no longer holds its session (P5, P7). */
  displaced(reason: InboxMessage['reason'], by?: InboxMessage['by']): void;
}

export type ReopenIntent = 'resume' | 'restore';
