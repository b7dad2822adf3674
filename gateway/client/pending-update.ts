/**
 * Session fields that the server is to have. One message is on its way at a time and later fields are merged, so that
 * nothing queues: a hello sends all fields, an update only the new ones.
 */
import type { SessionFields } from '../protocol/messages.ts';
import { type Deferred, deferred } from './deferred.ts';
import type { PresenceError } from './presence-error.ts';

interface Batch {
  readonly fields: SessionFields;
  readonly confirmed: Deferred<void>;
}

export class PendingUpdate {
  private accepted: SessionFields;
  private flying: Batch | undefined;
  private waiting: Batch | undefined;

  constructor(fields: SessionFields) {
    this.accepted = merged({}, fields);
  }

  /** All fields as they are to be. */
  get fields(): SessionFields {
    return merged(this.accepted, this.flying?.fields, this.waiting?.fields);
  }

  /** @returns a promise for the server's consent. */
  set(fields: SessionFields): Promise<void> {
    this.waiting = {
      fields: merged({}, this.waiting?.fields, fields),
      confirmed: this.waiting?.confirmed ?? deferred(),
    };
    return this.waiting.confirmed.promise;
  }

  /** What is said now, by a hello everything, else what is new; undefined when there is nothing to say, or not yet. */
  take(): SessionFields | undefined {
    if (this.flying || !this.waiting) return undefined;
    this.flying = this.waiting;
    this.waiting = undefined;
    return this.flying.fields;
  }

  /** The server has what was taken. */
  confirm(): void {
    this.accepted = merged(this.accepted, this.flying?.fields);
    this.flying?.confirmed.resolve();
    this.flying = undefined;
  }

  /** It is not known whether the server has what was taken: it is to be said again, unless newer is said meanwhile. */
  putBack(): void {
    const { flying, waiting } = this;
    if (!flying) return;
    this.flying = undefined;
    if (waiting) flying.confirmed.resolve(waiting.confirmed.promise);
    this.waiting = { fields: merged(flying.fields, waiting?.fields), confirmed: (waiting ?? flying).confirmed };
  }

  /** The server does not want what was taken. */
  refuse(error: PresenceError): void {
    this.flying?.confirmed.reject(error);
    this.flying = undefined;
  }

  /** Nothing is said any more; a later hello says it all. */
  end(error: PresenceError): void {
    const { flying, waiting } = this;
    this.accepted = this.fields;
    this.flying = undefined;
    this.waiting = undefined;
    flying?.confirmed.reject(error);
    waiting?.confirmed.reject(error);
  }
}

/** An undefined field counts as absent. */
function merged(...parts: (SessionFields | undefined)[]): SessionFields {
  const entries = parts.flatMap((part) => Object.entries(part ?? {}));
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}
