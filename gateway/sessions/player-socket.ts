/** A player's socket, as the player needs it. */
import type { Identity } from '../auth/identity.ts';
import type { ProblemMembers } from '../problem.ts';
import type { CloseName } from '../protocol/close-codes.ts';
import type { MessageId, ServerMessage } from '../protocol/messages.ts';
import type { ProblemCode } from '../protocol/problems.ts';

export interface PlayerSocket {
  /** False once it is closed or closing: then nothing is sent any more. */
  readonly open: boolean;
  readonly identity: Identity;
  /** Whose token it is by which this socket acts. */
  identify(identity: Identity): void;
  /** The hello was accepted. */
  accept(as: 'player' | 'observer'): void;
  send(message: ServerMessage): void;
  problem(code: ProblemCode, detail: string, id?: MessageId, members?: ProblemMembers): void;
  /** Sends the problem, then ends the socket. */
  fail(code: ProblemCode, detail: string, close: CloseName, id?: MessageId, members?: ProblemMembers): void;
  /** Ends the socket, and with it the player: its session, if any, is left to the grace. */
  end(name: CloseName): void;
}
