/** Requests that wait for the frame with their id. */
import type { ServerMessage } from '../protocol/messages.ts';
import { type Deferred, deferred } from './deferred.ts';
import { errorOf, PresenceError } from './presence-error.ts';

/** Less than the messages of a socket that the server lets wait. */
const MAX_WAITING = 16;

interface Waiting {
  readonly reply: Deferred<ServerMessage>;
  readonly timer: ReturnType<typeof setTimeout>;
}

export class Replies {
  private readonly waiting = new Map<string, Waiting>();
  private readonly timeoutMs: number;
  private readonly silent: () => void;
  private asked = 0;

  /** @param silent called when an answer did not come in time. */
  constructor(timeoutMs: number, silent: () => void) {
    this.timeoutMs = timeoutMs;
    this.silent = silent;
  }

  /** @param send puts the id into the frame; false when there is no connection. */
  ask(send: (id: string) => boolean): Promise<ServerMessage> {
    const reply = deferred<ServerMessage>();
    this.asked += 1;
    const id = String(this.asked);
    if (this.waiting.size >= MAX_WAITING) {
      reply.reject(new PresenceError('rate_limited', `${MAX_WAITING} requests wait for their answer`));
    } else if (!send(id)) {
      reply.reject(new PresenceError('disconnected', 'there is no connection'));
    } else {
      const timer = setTimeout(() => {
        this.waiting.delete(id);
        reply.reject(new PresenceError('timeout', 'no answer in time'));
        this.silent();
      }, this.timeoutMs);
      this.waiting.set(id, { reply, timer });
    }
    return reply.promise;
  }

  /** @returns false for a frame that is no reply. */
  take(message: ServerMessage): boolean {
    const id = 'id' in message ? message.id : undefined;
    const waiting = id === undefined ? undefined : this.waiting.get(id);
    if (id === undefined || !waiting) return false;
    this.waiting.delete(id);
    clearTimeout(waiting.timer);
    if (message.type === 'error') waiting.reply.reject(errorOf(message.problem));
    else waiting.reply.resolve(message);
    return true;
  }

  fail(error: PresenceError): void {
    const all = [...this.waiting.values()];
    this.waiting.clear();
    for (const { reply, timer } of all) {
      clearTimeout(timer);
      reply.reject(error);
    }
  }
}
