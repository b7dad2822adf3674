/** A store whose answers the test gives by hand: each call of a session act waits until it is answered. */
import { MemoryStore, type PresenceStore, StoreError, type StoreSessions } from '../../presence-core/index.ts';

type Verb = keyof StoreSessions;
type Answer<V extends Verb> = Awaited<ReturnType<StoreSessions[V]>>;

export interface Asked<V extends Verb> {
  readonly verb: V;
  readonly args: Parameters<StoreSessions[V]>;
  answer(result: Answer<V>): Promise<void>;
  /** The outcome stays unknown. */
  lose(): Promise<void>;
  fail(error: Error): Promise<void>;
}

/** Lets whoever waited for an answer go on. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export class AskedStore {
  readonly store: PresenceStore;
  private readonly asked: Asked<Verb>[] = [];

  /** @param verbs those that the test answers; the others are answered by the memory store. */
  constructor(...verbs: readonly Verb[]) {
    const store = new MemoryStore();
    for (const verb of verbs) Object.assign(store.sessions, { [verb]: this.ask(verb) });
    this.store = store;
  }

  /** The calls that wait for an answer, of one verb. */
  waiting<V extends Verb>(verb: V): Asked<V>[] {
    return this.asked.filter((asked) => asked.verb === verb) as unknown as Asked<V>[];
  }

  /** The only call of this verb that waits. */
  only<V extends Verb>(verb: V): Asked<V> {
    const [first, ...others] = this.waiting(verb);
    if (!first || others.length > 0) throw new Error(`${others.length + (first ? 1 : 0)} calls of ${verb} wait`);
    return first;
  }

  private ask<V extends Verb>(verb: V): (...args: Parameters<StoreSessions[V]>) => Promise<Answer<V>> {
    return (...args) =>
      new Promise<Answer<V>>((resolve, reject) => {
        const done = (act: () => void) => async (): Promise<void> => {
          this.asked.splice(this.asked.indexOf(asked as unknown as Asked<Verb>), 1);
          act();
          await settle();
        };
        const asked: Asked<V> = {
          verb,
          args,
          answer: (result) => done(() => resolve(result))(),
          lose: done(() => reject(new StoreError('store_unavailable', 'no answer in time'))),
          fail: (error) => done(() => reject(error))(),
        };
        this.asked.push(asked as unknown as Asked<Verb>);
      });
  }
}
