/** What all bodies may hold together, from their first byte until their requests are answered. */
const MAX_BODIES_BYTES = 67_108_864;

/** Memory that the bodies of a server share. */
export class BodyMemory {
  readonly #maxBytes: number;
  #heldBytes = 0;

  constructor(maxBytes = MAX_BODIES_BYTES) {
    this.#maxBytes = maxBytes;
  }

  /** @returns false when there is no room for as many more. */
  take(bytes: number): boolean {
    if (this.#heldBytes + bytes > this.#maxBytes) return false;
    this.#heldBytes += bytes;
    return true;
  }

  give(bytes: number): void {
    this.#heldBytes -= bytes;
  }
}
