/**
 * A costly read, made once for all who ask at the same time: at most one runs, and whoever asks while it does gets the
 * next, so that nobody is told what was before he asked.
 */
export class SharedRead<T> {
  private readonly read: () => Promise<T>;
  private running: Promise<void> | undefined;
  private next: Promise<T> | undefined;

  constructor(read: () => Promise<T>) {
    this.read = read;
  }

  ask(): Promise<T> {
    if (!this.running) return this.begin();
    this.next ??= this.running.then(() => {
      this.next = undefined;
      return this.begin();
    });
    return this.next;
  }

  private begin(): Promise<T> {
    const result = this.read();
    const over = (): void => {
      // With a next one waiting, it goes on running.
      if (!this.next) this.running = undefined;
    };
    this.running = result.then(over, over);
    return result;
  }
}
