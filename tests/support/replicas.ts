/** A replica over a store that beats and sweeps as a node does. */
import { setTimeout as sleep } from 'node:timers/promises';
import { LogFeed } from '../../gateway/node/log-feed.ts';
import { createReads, type PresenceReads } from '../../gateway/replica/reads.ts';
import { type Fallback, Replica } from '../../gateway/replica/replica.ts';
import type { RedisStore } from '../../presence-core/redis/redis-store.ts';
import { LONG_MS } from './presence-churn.ts';
import { until } from './servers.ts';

/** Seldom enough that a replica must notice by itself what Redis lost. */
const BEAT_MS = 700;
/** A list of tops is as old as this, besides. */
const TOPS_MS = 150;

export interface TestReplica {
  readonly replica: Replica;
  readonly reads: PresenceReads;
  /** Why it fell back, each time, as its log says: also when nobody asked it meanwhile. */
  readonly told: readonly string[];
  /** Waits until it serves. */
  serves(): Promise<void>;
  /** Waits until it does not, and asks it, so that it tells why. */
  fallsBack(): Promise<readonly Fallback[]>;
  /** Waits until it shows all that has happened. */
  caughtUp(): Promise<void>;
  stop(): Promise<void>;
}

export const MAX_LAG_MS = 2_000;

export async function startReplica(store: RedisStore): Promise<TestReplica> {
  const told: string[] = [];
  const log = {
    info: (fields: { loss?: string }, message: string) => {
      if (fields.loss) told.push(fields.loss);
      if (message.startsWith('replica late')) told.push('lag');
    },
    error: (fields: object) => process.stdout.write(`${JSON.stringify(fields)}\n`),
  };
  const replica = new Replica({
    store,
    feed: new LogFeed(store, log),
    log,
    maxLagMs: MAX_LAG_MS,
    leftMax: 1_000,
    pauseMs: 20,
  });
  const fellBackBy = (): Fallback[] => {
    const before = replica.report().fallbacks;
    replica.count({ by: 'total' });
    const after = replica.report().fallbacks;
    return (Object.keys(after) as Fallback[]).filter((reason) => after[reason] > before[reason]);
  };
  let stopped = false;
  const live = async (): Promise<void> => {
    for (let generation = 0; !stopped; generation++) {
      await store.nodes.join(`live-${generation}`, LONG_MS).catch(() => {});
      for (let isAlive = true; isAlive && !stopped; ) {
        await sleep(BEAT_MS);
        const beat = store.nodes.beat(`live-${generation}`, LONG_MS);
        isAlive = await beat.then(
          ({ outcome }) => outcome === 'alive',
          () => true,
        );
        await store.nodes.sweep().catch(() => {});
      }
    }
  };
  await store.nodes.join('live', LONG_MS);
  replica.start();
  const living = live();
  return {
    replica,
    reads: createReads(store.reads, replica),
    told,
    serves: () => until(() => replica.report().serving),
    async fallsBack() {
      let reasons = fellBackBy();
      await until(() => {
        reasons = fellBackBy();
        return reasons.length > 0;
      });
      return reasons;
    },
    async caughtUp() {
      const quietAt = performance.now();
      await until(() => performance.now() - replica.report().lagMs > quietAt);
      await sleep(TOPS_MS);
    },
    async stop() {
      stopped = true;
      replica.stop();
      await living;
    },
  };
}
