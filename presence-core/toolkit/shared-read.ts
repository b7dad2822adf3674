interface Running<T> {
  readonly over: Promise<void>;
  next?: Promise<T>;
}

/**
 * Costly reads, each made once for all who ask at the same time: of a key at most one runs, and whoever asks while it
 * does gets the next, so that nobody is told what was before he asked.
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
