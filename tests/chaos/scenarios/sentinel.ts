/** What happens to a Redis with two replicas, behind three sentinels. */
import type { TestSentinels } from '../../support/redis-sentinels.ts';
import { following } from '../../support/redis-server.ts';
import type { Rig } from '../rig/rig.ts';
import { churn } from './churn.ts';
import { type Failover, lostMasters, NOT_REPLICATED, NOTICED_MS } from './failover.ts';
import type { Scenario } from './scenario.ts';

const sentinelsOf = (rig: Rig): TestSentinels => rig.store.sentinels as TestSentinels;

function failoverOf(rig: Rig): Failover {
  const { master, failedOver } = sentinelsOf(rig);
  return { master, takenOver: failedOver };
}

export const SENTINEL: readonly Scenario[] = [
  ...lostMasters('sentinel', failoverOf),
  {
    name: 'sentinel-failover-asked',
    store: 'sentinel',
    history: 0,
    exempt: NOT_REPLICATED,
    async act(rig) {
      const { failOver, failedOver } = sentinelsOf(rig);
      await rig.during(async () => {
        await failOver();
        void churn(rig, 6);
        await failedOver();
        await rig.pause(NOTICED_MS);
      });
    },
  },
  {
    name: 'sentinel-split',
    store: 'sentinel-split',
    // Longer than the first master takes writes: else it ends those whom the other part holds.
    timers: { leaseMs: 6_000 },
    history: 0,
    exempt: NOT_REPLICATED,
    async act(rig) {
      const { split, sentinels } = rig.store;
      if (!split || !sentinels) throw new Error('the network of this store cannot be parted');
      const cutOff = rig.gateway(split.gateway);
      const unnoticed = { gateway: cutOff, mayLapse: true, split: 'unnoticed' } as const;
      await rig.during(
        async () => {
          const master = sentinels.failedOver();
          await rig.during(async () => {
            split.begin();
            // Until min-replicas-to-write bites, each part has players that the other cannot know of.
            void rig.during(() => rig.pause(split.writesOnMs), unnoticed);
            void churn(rig, 6);
            await master;
            await rig.pause(NOTICED_MS);
          });
          await rig.pause(1_000, 3_000);
          await split.end(await master);
          await following(sentinels.master);
          await rig.pause(NOTICED_MS);
        },
        { gateway: cutOff, mayLapse: true, split: 'noticed' },
      );
    },
  },
];
