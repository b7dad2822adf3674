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

  /** @param send puts the id into the frame. */
  ask(send: (id: string) => void): Promise<ServerMessage> {
    const reply = deferred<ServerMessage>();
    this.asked += 1;
    const id = String(this.asked);
    this.waiting.set(id, { reply, send: () => send(id) });
    this.sendNext();
    return reply.promise;
  }

  /** @returns false for a frame that is no reply. */
  take(message: ServerMessage): boolean {
    const id = (message as { id?: string }).id as string;
    const waiting = this.waiting.get(id);
    if (!waiting) return false;
    this.remove(id, waiting);
    if (message.type === 'error') waiting.reply.reject(errorOf(message.problem));
    else waiting.reply.resolve(message);
    this.sendNext();
    return true;
  }

  fail(error: PresenceError): void {
    this.waiting.forEach((waiting, id) => {
      this.remove(id, waiting);
      waiting.reply.reject(error);
    });
  }

  private remove(id: string, { cancel }: Waiting): void {
    this.waiting.delete(id);
    if (cancel) cancel();
  }

  private sendNext(): void {
    let unanswered = 0;
    for (const [id, waiting] of this.waiting) {
      unanswered += 1;
      if (unanswered > MAX_UNANSWERED) return;
      if (waiting.cancel) continue;
      waiting.cancel = timeBound(this.timeoutMs, () => {
        this.waiting.delete(id);
        waiting.reply.reject(new PresenceError('timeout', 'no answer in time'));
        this.silent();
      });
      waiting.send();
    }
  }
}
