/**
 * Session fields that the server is to have. One message is on its way at a time and later fields are merged, so that
 * nothing queues: a hello sends all fields, an update only the new ones.
 */
import type { SessionFields } from '../protocol/messages.ts';
import { type Deferred, deferred } from './deferred.ts';
import { merged } from './merged.ts';
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
    this.accepted = merged(fields);
  }

  /** All fields as they are to be. */
  get fields(): SessionFields {
    return merged(this.accepted, fieldsOf(this.flying), fieldsOf(this.waiting));
  }

  /** @returns a promise for the server's consent. */
  set(fields: SessionFields): Promise<void> {
    const { confirmed } = this.waiting || { confirmed: deferred<void>() };
    this.waiting = { fields: merged(fieldsOf(this.waiting), fields), confirmed };
    return confirmed.promise;
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
    this.landed((batch) => {
      this.accepted = merged(this.accepted, batch.fields);
      batch.confirmed.resolve();
    });
  }

  /** It is not known whether the server has what was taken: it is to be said again, unless newer is said meanwhile. */
  putBack(): void {
    this.landed((batch) => {
      const { confirmed } = this.waiting || batch;
      if (this.waiting) batch.confirmed.resolve(confirmed.promise);
      this.waiting = { fields: merged(batch.fields, fieldsOf(this.waiting)), confirmed };
    });
  }

  /** The server does not want what was taken. */
  refuse(error: PresenceError): void {
    this.landed((batch) => batch.confirmed.reject(error));
  }

  /** Nothing is said any more; a later hello says it all. */
  end(error: PresenceError): void {
    this.accepted = this.fields;
    this.refuse(error);
    this.take();
    this.refuse(error);
  }

  private landed(act: (batch: Batch) => void): void {
    const { flying } = this;
    this.flying = undefined;
    if (flying) act(flying);
  }
}

const fieldsOf = (batch: Batch | undefined): SessionFields | undefined => batch && batch.fields;
