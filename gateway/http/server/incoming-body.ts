/** The body of one request as it arrives, in memory that is bounded for the request and for all of the process. */
import { Problem } from '../problem.ts';
import type { BodyMemory } from './body-memory.ts';
import { BODY_INCOMPLETE, bodyTooLarge, DISCARD_BYTES } from './http-server.ts';

const RETRY_AFTER_S = '1';

export class IncomingBody {
  readonly #memory: BodyMemory;
  /** What has arrived of it, also of one that is dropped. */
  #arrivedBytes = 0;
  #maxBytes = 0;
  /** Its first `#arrivedBytes` bytes are the body, as long as that is wanted. */
  #bytes: Buffer = Buffer.alloc(0);
  #heldBytes = 0;
  /** Undefined while nobody waits for it, or no more. */
  #waiter: { readonly resolve: (body: Buffer) => void; readonly reject: (problem: Problem) => void } | undefined;

  constructor(memory: BodyMemory) {
    this.#memory = memory;
  }

  /**
   * @param announcedBytes its `content-length`, if it has one.
   * @throws Problem `payload_too_large`, `overloaded`, or `invalid_request` when the connection ends before it is whole.
   */
  read(maxBytes: number, announcedBytes: number): Promise<Buffer> {
    this.#maxBytes = maxBytes;
    return new Promise((resolve, reject) => {
      this.#waiter = { resolve, reject };
      if (announcedBytes > maxBytes) this.fail(bodyTooLarge(maxBytes));
    });
  }

  /**
   * @param chunk the next bytes; kept as they are.
   * @returns false when so much was dropped that the connection must be closed.
   */
  receive(chunk: Buffer): boolean {
    const before = this.#arrivedBytes;
    this.#arrivedBytes += chunk.length;
    if (this.#arrivedBytes > this.#maxBytes + DISCARD_BYTES) return false;
    if (this.#waiter === undefined || chunk.length === 0) return true;
    if (this.#arrivedBytes > this.#maxBytes) this.fail(bodyTooLarge(this.#maxBytes));
    else if (!this.#hold(chunk, before)) {
      const headers = { 'retry-after': RETRY_AFTER_S };
      this.fail(new Problem('overloaded', 'The server reads too many bodies already: try again.', { headers }));
    }
    return true;
  }

  /** All of it has arrived. */
  complete(): void {
    this.#waiter?.resolve(this.#bytes.subarray(0, this.#arrivedBytes));
    this.#waiter = undefined;
  }

  /** The connection has ended. */
  abort(): void {
    this.fail(new Problem('invalid_request', BODY_INCOMPLETE));
  }

  /** Refuses it: what has arrived is let go, and what still comes is dropped. */
  fail(problem: Problem): void {
    const waiter = this.#waiter;
    this.drop();
    waiter?.reject(problem);
  }

  /** It is not needed any more, or never was. */
  drop(): void {
    this.#waiter = undefined;
    this.#bytes = Buffer.alloc(0);
    this.#memory.give(this.#heldBytes);
    this.#heldBytes = 0;
  }

  /** One chunk is kept as it is; several are copied together, as many small ones would weigh more than what they hold. */
  #hold(chunk: Buffer, before: number): boolean {
    if (this.#arrivedBytes <= this.#bytes.length) {
      chunk.copy(this.#bytes, before);
      return true;
    }
    const isFirst = before === 0;
    const size = isFirst ? chunk.length : Math.min(this.#maxBytes, 2 * this.#arrivedBytes);
    if (!this.#memory.take(size - this.#heldBytes)) return false;
    this.#heldBytes = size;
    if (isFirst) {
      this.#bytes = chunk;
      return true;
    }
    const grown = Buffer.allocUnsafe(size);
    this.#bytes.copy(grown, 0, 0, before);
    chunk.copy(grown, before);
    this.#bytes = grown;
    return true;
  }
}
