/**
 * Measures a store at its edge: how long each verb took, how it failed, and what it answered. Neither the store nor
 * who calls it knows.
 */
import { type BeatResult, type PresenceStore, StoreError } from '../../presence-core/index.ts';
import type { Metrics } from './metrics.ts';
import { type Absence, registerStoreFigures, StoreFigures } from './store-figures.ts';

const BOUNDS_S = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];

/** Verbs of which only the duration and the errors are of interest. */
const PLAIN_VERBS = [
  'update',
  'detach',
  'status',
  'sessions',
  'counts',
  'top',
  'limitOverride',
  'setLimitOverride',
  'quit',
  'tail',
  'upholds',
  'snapshot',
  'snapshotOf',
  'countEvent',
  'hourRecords',
  'hourRecord',
  'notify',
  'ping',
] as const satisfies readonly (keyof PresenceStore)[];

type Act<Args extends unknown[], Result> = (...args: Args) => Promise<Result>;

/** @param whenAway what an open that the store did not answer comes to. */
export function observeStore(store: PresenceStore, metrics: Metrics, whenAway: Absence): PresenceStore {
  const figures = new StoreFigures();
  registerStoreFigures(figures, metrics);
  const durations = metrics.histogram(
    { name: 'store_duration_seconds', help: 'Time until the store answered or failed' },
    BOUNDS_S,
  );

  function timed<Args extends unknown[], Result>(
    verb: string,
    act: Act<Args, Result>,
    answered: (result: Result, ...args: Args) => void = () => {},
    failed: (error: unknown, begunAt: number, ...args: Args) => void = () => {},
  ): Act<Args, Result> {
    const duration = durations({ verb });
    return async (...args) => {
      const begunAt = performance.now();
      figures.inFlight += 1;
      try {
        const result = await act.apply(store, args);
        answered(result, ...args);
        return result;
      } catch (error) {
        figures.failed(verb, error);
        failed(error, begunAt, ...args);
        throw error;
      } finally {
        figures.inFlight -= 1;
        duration.observe((performance.now() - begunAt) / 1_000);
      }
    };
  }

  const beaten = (result: BeatResult): void => figures.beaten(result);
  const missed = (_: unknown, begunAt: number): void => figures.beatFailed(begunAt);
  const plain = PLAIN_VERBS.map((verb) => [verb, timed(verb, store[verb] as Act<unknown[], unknown>)]);
  return Object.assign(forwarding(store), Object.fromEntries(plain), {
    open: timed(
      'open',
      store.open,
      (result, request) => figures.opened(request, result),
      (error, _, request) => {
        if (error instanceof StoreError && error.retryable) figures.unanswered(request, whenAway);
      },
    ),
    renew: timed('renew', store.renew, (results) => figures.renewed(results)),
    close: timed('close', store.close, (result) => {
      if (result.outcome === 'closed') figures.displacedBy([result.displaced]);
    }),
    kick: timed('kick', store.kick, (displaced) => figures.displacedBy(displaced)),
    join: timed('join', store.join, beaten, missed),
    beat: timed('beat', store.beat, beaten, missed),
    sweep: timed('sweep', store.sweep, (result) => figures.swept(result)),
    // It waits on purpose: its time says nothing.
    readLog: (cursor, limit, waitMs) =>
      store.readLog(cursor, limit, waitMs).catch((error) => {
        figures.failed('readLog', error);
        throw error;
      }),
  } satisfies Partial<PresenceStore>);
}

/** All methods of a store, on an object whose methods may be replaced: a store itself may hold private fields. */
function forwarding(store: PresenceStore): PresenceStore {
  const names = Object.getOwnPropertyNames(Object.getPrototypeOf(store)) as (keyof PresenceStore)[];
  const methods = names.filter((name) => typeof store[name] === 'function');
  const bound = methods.map((name) => [name, (store[name] as () => unknown).bind(store)]);
  return { ...Object.fromEntries(bound), kind: store.kind, parts: store.parts };
}
