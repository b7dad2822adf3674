/** Work that is done once for all who ask for it at the same time. */

/** @returns a function that begins `act`, or, while it runs, joins the run that is on. */
export function singleFlight<T>(act: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | undefined;
  return () => {
    running ??= act().finally(() => {
      running = undefined;
    });
    return running;
  };
}

interface Running<T> {
  readonly over: Promise<void>;
  next?: Promise<T>;
}

/**
 * Costly reads of which nobody may be given an answer from before he asked: of a key at most one runs, and all who ask
 * while it does share the next.
 */
export class SharedRead<Key, T> {
  private readonly read: (key: Key) => Promise<T>;
  private readonly running = new Map<Key, Running<T>>();

  constructor(read: (key: Key) => Promise<T>) {
    this.read = read;
  }

  ask(key: Key): Promise<T> {
    const running = this.running.get(key);
    if (!running) return this.begin(key);
    running.next ??= running.over.then(() => this.begin(key));
    return running.next;
  }

  private begin(key: Key): Promise<T> {
    const result = this.read(key);
    const over = (): void => {
      // With a next one waiting, the key stays taken until that begins.
      if (!running.next) this.running.delete(key);
    };
    const running: Running<T> = { over: result.then(over, over) };
    this.running.set(key, running);
    return result;
  }
}
