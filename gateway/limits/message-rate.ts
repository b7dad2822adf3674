/** The rate of one socket's messages: what is beyond it is dropped and told, and a flood ends the socket. */

import type { CloseName } from '../protocol/close-codes.ts';
import type { MessageId } from '../protocol/messages.ts';
import type { ProblemCode } from '../protocol/problems.ts';
import { decode } from '../sessions/decode.ts';
import type { Rate } from './rate-limit.ts';

/** Dropped messages draw from the bucket too: beyond so many times its burst they are a flood. */
const FLOOD_FACTOR = 2;

/** What is needed here of a connection. */
export interface Sender {
  messagesFullAt: number;
  problem(code: ProblemCode, detail: string, id?: MessageId): void;
  fail(code: ProblemCode, detail: string, close: CloseName): void;
}

/** @returns whether the message is to be dropped. */
export function isBeyondRate(sender: Sender, rate: Rate, text: string | undefined): boolean {
  const now = performance.now();
  sender.messagesFullAt = rate.spend(sender.messagesFullAt, now);
  const drawn = rate.drawn(sender.messagesFullAt, now);
  if (drawn <= 1) return false;
  if (drawn > FLOOD_FACTOR) {
    sender.fail('rate_limited', 'Too many messages: send fewer per second.', 'rate_limited');
    return true;
  }
  const dropped = decode(text);
  const id = dropped.ok ? dropped.message.id : dropped.id;
  sender.problem('rate_limited', 'Too many messages: this one was dropped.', id);
  return true;
}
