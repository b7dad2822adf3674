/** Wall clocks that are wrong, and step. Those of gateways decide nothing (P2), so nothing is noticed of them. */
import { churn } from './churn.ts';
import type { Scenario } from './scenario.ts';

const HOUR_MS = 3_600_000;

export const CLOCKS: readonly Scenario[] = [
  {
    name: 'gateway-clocks',
    store: 'redis',
    history: 0,
    hasClocks: true,
    isAlone: true,
    async act(rig) {
      const step = async (i: number, aheadMs: number): Promise<void> => {
        rig.clocks[i]?.set(Math.round(aheadMs));
        await churn(rig, 3);
      };
      await step(0, HOUR_MS);
      await step(1, -HOUR_MS);
      // It starts by a clock that is wrong.
      await rig.gateway(1).stop();
      await rig.gateway(1).launch();
      for (let i = 0; i < 6; i++) await step(rig.anyGateway(), rig.between(-HOUR_MS, HOUR_MS));
    },
  },
  {
    name: 'redis-clock-steps',
    store: 'redis',
    history: 0,
    hasClocks: true,
    isAlone: true,
    async act(rig) {
      const back = [-HOUR_MS, 0];
      for (const aheadMs of rig.random() < 0.5 ? back : [HOUR_MS, ...back]) {
        // A step forward is a silence, as no beat came in between; after one back leases are brought back.
        await rig.during(async () => {
          rig.setStoreClock(aheadMs);
          await churn(rig, 6);
          await rig.pause(2_000);
        });
        await churn(rig, 4);
      }
    },
  },
];
