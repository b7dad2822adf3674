/** Requests that wait for the frame with their id. */
import type { ServerMessage } from '../protocol/messages.ts';
import { type Deferred, deferred } from './deferred.ts';
import { errorOf, PresenceError } from './presence-error.ts';
import { timeBound } from './time-bound.ts';

/** The server lets 32 messages of a socket wait: more are sent when others are answered. */
const MAX_UNANSWERED = 16;

interface Waiting {
  readonly reply: Deferred<ServerMessage>;
  readonly send: () => void;
  /** Ends its time bound, once it was sent. */
  cancel?: () => void;
}

export interface Replies {
  /** @param send puts the id into the frame. */
  ask(send: (id: string) => void): Promise<ServerMessage>;
  /** @returns false for a frame that is no reply. */
  take(message: ServerMessage): boolean;
  fail(error: PresenceError): void;
}

/** @param silent called when an answer did not come in time. */
export function repliesWithin(timeoutMs: number, silent: () => void): Replies {
  const waiting = new Map<string, Waiting>();
  let asked = 0;

  const removed = (id: string): Deferred<ServerMessage> | undefined => {
    const found = waiting.get(id);
    waiting.delete(id);
    if (found && found.cancel) found.cancel();
    return found && found.reply;
  };

  const sendNext = (): void => {
    let unanswered = 0;
    for (const [id, each] of waiting) {
      unanswered += 1;
      if (unanswered > MAX_UNANSWERED) return;
      if (each.cancel) continue;
      each.cancel = timeBound(timeoutMs, () => {
        waiting.delete(id);
        each.reply.reject(new PresenceError('timeout', 'no answer'));
        silent();
      });
      each.send();
    }
  };

  return {
    ask: (send) => {
      const reply = deferred<ServerMessage>();
      asked += 1;
      const id = String(asked);
      waiting.set(id, { reply, send: () => send(id) });
      sendNext();
      return reply.promise;
    },
    take: (message) => {
      const reply = removed((message as { id?: string }).id as string);
      if (!reply) return false;
      if (message.type === 'error') reply.reject(errorOf(message.problem));
      else reply.resolve(message);
      sendNext();
      return true;
    },
    fail: (error) => {
      for (const [id, { reply }] of waiting) {
        removed(id);
        reply.reject(error);
      }
    },
  };
}
