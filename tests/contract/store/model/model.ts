/**
 * Random acts on a store and on the plain model of the rules, compared after each act and, at the end, over the whole
 * log. On failure the seed and the shortest story that fast-check found are printed; run again with MODEL_SEED=<seed>.
 *
 * With `realTime` a lease is either too long to end within a run or so short that one wait surely ends it.
 */
import { describe, test } from '@jest/globals';
import fc from 'fast-check';
import { withSeeds } from '../../../support/seeds.ts';
import type { CreateStore } from '../store-fixture.ts';
import { actsOf, type Times } from './model-acts.ts';
import { KEEPER_LEASE_MS, ModelComparison, SHORT_MS, WAIT_MS } from './model-comparison.ts';
import {
  DEFAULT_LIMIT,
  LEFT_TOMBSTONE_MS,
  PresenceModel,
  SEEN_TTL_MS,
  STALL_GRACE_MS,
  TOMBSTONE_MS,
} from './model-state.ts';

export interface ModelSuiteOptions {
  /** One run each. */
  readonly seeds: number;
  /** Most acts in a run. */
  readonly steps: number;
  /** Runs at a time, each on a store of its own. */
  readonly atOnce?: number;
  readonly realTime?: boolean;
}

const REAL_TIMES: Times = {
  leasesMs: [SHORT_MS, 600_000],
  nodeLeasesMs: { n: SHORT_MS, m: SHORT_MS, o: 600_000, keeper: KEEPER_LEASE_MS },
  waitsMs: [WAIT_MS],
};
/** Waits are mostly short, so that tombstones, nodes and sessions live to be acted upon. */
const STEPPED_TIMES: Times = {
  leasesMs: [300, 1500, 8000, 60_000, 600_000, 600_000],
  nodeLeasesMs: { n: 1500, m: 8000, o: 60_000, keeper: KEEPER_LEASE_MS },
  waitsMs: [1, 1, 100, 250, 250, 400, 400, 1000, 1000, 2000, 4000, 5000, 30_000, 31_000, 600_000, 90_000_000],
};

export function presenceModelSuite(name: string, create: CreateStore, options: ModelSuiteOptions): void {
  const { seeds, steps, atOnce, realTime = false } = options;
  const acts = actsOf(realTime ? REAL_TIMES : STEPPED_TIMES);
  const storeOptions = {
    defaultLimit: DEFAULT_LIMIT,
    tombstoneMs: TOMBSTONE_MS,
    leftTombstoneMs: LEFT_TOMBSTONE_MS,
    seenTtlMs: SEEN_TTL_MS,
    stallGraceMs: STALL_GRACE_MS,
  };

  describe(`${name} is what the model says`, () => {
    test('[P1]–[P12], [P15] after any acts in any order', async () => {
      const run = fc.asyncProperty(fc.commands(acts, { maxCommands: steps, size: 'max' }), async (commands) => {
        const held = await create(storeOptions);
        try {
          const { now } = await held.store.nodes.join('keeper', KEEPER_LEASE_MS);
          const model = new PresenceModel(now);
          model.join('keeper', KEEPER_LEASE_MS);
          const comparison = new ModelComparison(held, model, realTime);
          await fc.asyncModelRun(() => ({ model, real: comparison }), commands);
          await comparison.sweep();
          await comparison.compareUsers();
          await comparison.compareLogs();
        } finally {
          await held.stop();
        }
      });
      await withSeeds(seeds, (seed) => fc.assert(run, { numRuns: 1, seed }), atOnce);
    }, 300_000);
  });
}
