/** What a player is told when it is not let in, or no longer. */
import type { InboxMessage, OpenResult } from '../../presence-core/index.ts';
import { refusalDetail, refusalMembers } from '../problem.ts';
import type { Hello, MessageId, ServerMessage } from '../protocol/messages.ts';
import type { EndReason } from './life.ts';
import type { PlayerSocket } from './player-socket.ts';

/** P4: the limit is reached. */
export function refuse(
  socket: PlayerSocket,
  refusal: Extract<OpenResult, { outcome: 'refused' }>,
  id?: MessageId,
): void {
  const members = refusalMembers(refusal);
  socket.fail('concurrency_limit', refusalDetail(refusal), 'concurrency_limit', id, members);
}

/** The one session that it may take back is over. */
export function deny(socket: PlayerSocket, id?: MessageId): void {
  const detail = 'The session has ended: a token is required to start another.';
  socket.fail('unauthenticated', detail, 'unauthenticated', id);
}

/** P10: the store is away, and the policy is `closed`. */
export function unavailable(socket: PlayerSocket, id?: MessageId): void {
  socket.fail('store_unavailable', 'The store did not answer: try again.', 'overloaded', id);
}

/** P7: its hello was held up until a later one was answered. Its player says hello anew, if it is still there. */
export function overtaken(socket: PlayerSocket, id?: MessageId): void {
  socket.fail('overloaded', 'A socket whose hello came later has the session: try again.', 'overloaded', id);
}

/** Another act ended the session, or took it over (P5, P7). */
export function evict(
  socket: PlayerSocket,
  sessionId: string | undefined,
  reason: EndReason,
  by: InboxMessage['by'],
): void {
  if (reason === 'evicted' || reason === 'replaced' || reason === 'kicked') {
    socket.send({ type: 'evicted', reason, ...(by && { by: publicPart(by) }) });
    socket.end(reason);
  } else if (reason === 'moved') {
    // The same session, on another socket.
    const taker = by && publicPart(by);
    socket.send({ type: 'evicted', reason: 'replaced', ...(sessionId && { by: { ...taker, sessionId } }) });
    socket.end('replaced');
  } else {
    socket.end('normal');
  }
}

/** Without what only nodes are told. */
function publicPart({
  connection: _,
  ...by
}: NonNullable<InboxMessage['by']>): Extract<ServerMessage, { type: 'evicted' }>['by'] {
  return by;
}

/** Nothing says whose session it is. */
export function nameless(socket: PlayerSocket, { id, resume }: Hello, canCheck: boolean): void {
  if (resume === undefined) {
    const errors = [{ path: '/userId', message: 'is required' }];
    socket.fail('invalid_request', '/userId is required', 'bad_request', id, { errors });
  } else if (canCheck) {
    socket.fail('unauthenticated', 'The resume token is of another deployment.', 'unauthenticated', id);
  } else {
    socket.fail('store_unavailable', 'The resume token cannot be checked now: try again.', 'overloaded', id);
  }
}
