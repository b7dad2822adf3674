/** Changes on their way to one `for await`, at most so many: beyond it they give way to one `resync`. */
import { type Deferred, deferred } from './deferred.ts';

export class ChangeQueue<T> implements AsyncIterator<T> {
  private items: T[] = [];
  private readonly limit: number;
  private readonly overflow: T;
  private readonly left: (queue: ChangeQueue<T>) => void;
  private pulls: Deferred<IteratorResult<T>>[] = [];
  private ended: { readonly error: Error | undefined } | undefined;

  constructor(limit: number, overflow: T, left: (queue: ChangeQueue<T>) => void) {
    this.limit = limit;
    this.overflow = overflow;
    this.left = left;
  }

  push(item: T): void {
    if (this.ended) return;
    const pull = this.pulls.shift();
    if (pull) pull.resolve({ done: false, value: item });
    else if (this.items.length < this.limit) this.items.push(item);
    else this.restart();
  }

  /** What waits is void: whoever reads looks at the sessions anew. */
  restart(): void {
    this.items = [];
    this.push(this.overflow);
  }

  /** What waits is still read, then the end, or the error. */
  end(error?: Error): void {
    this.ended ??= { error };
    for (const pull of this.pulls.splice(0)) this.finish(pull);
  }

  next(): Promise<IteratorResult<T>> {
    const pull = deferred<IteratorResult<T>>();
    if (this.items.length > 0) pull.resolve({ done: false, value: this.items.shift() as T });
    else if (this.ended) this.finish(pull);
    else this.pulls.push(pull);
    return pull.promise;
  }

  return(): Promise<IteratorResult<T>> {
    this.items = [];
    this.ended = { error: undefined };
    this.end();
    this.left(this);
    return this.next();
  }

  /** An error is reported once. */
  private finish(pull: Deferred<IteratorResult<T>>): void {
    const error = this.ended?.error;
    this.ended = { error: undefined };
    if (error) pull.reject(error);
    else pull.resolve({ done: true, value: undefined });
  }
}
