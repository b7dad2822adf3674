/** A master that dies or stands still, and another that takes over: the same behind sentinels and in a Cluster. */
import { following, type TestRedis } from '../../support/redis-server.ts';
import type { Exempt } from '../checker/checker.ts';
import type { Rig } from '../rig/rig.ts';
import { churn } from './churn.ts';
import type { Scenario } from './scenario.ts';

/** Replication does not wait. */
export const NOT_REPLICATED: Exempt = { I7: 'what began and ended, and was not replicated yet, is in no history' };
/** Until gateways found the new master, noticed its epoch, and opened again what it lacks. */
export const NOTICED_MS = 3_000;
const FROZEN_MS = 8_000;

export interface Failover {
  readonly master: TestRedis;
  /** Resolves when another is master. */
  takenOver(): Promise<unknown>;
}

/** It comes back later, as a replica. */
async function killMaster(rig: Rig, { master, takenOver }: Failover): Promise<void> {
  await rig.during(async () => {
    await master.kill();
    void churn(rig, 6);
    await takenOver();
    await rig.pause(NOTICED_MS);
  });
  await rig.pause(0, 2_000);
  await master.restart();
  await following(master);
}

async function freezeMaster(rig: Rig, { master, takenOver }: Failover): Promise<void> {
  const thawed = rig.pause(FROZEN_MS).then(() => master.process?.kill('SIGCONT'));
  await rig.during(async () => {
    master.process?.kill('SIGSTOP');
    void churn(rig, 6);
    await takenOver();
    await rig.pause(NOTICED_MS);
  });
  // It still takes itself for the master for a moment.
  await thawed;
  await churn(rig, 6);
  await following(master);
}

/** A master is lost in either way. */
export function lostMasters(store: 'sentinel' | 'cluster', failoverOf: (rig: Rig) => Failover): Scenario[] {
  const common = { store, history: 0, exempt: NOT_REPLICATED } as const;
  return [
    { ...common, name: `${store}-master-killed`, isShort: true, act: (rig) => killMaster(rig, failoverOf(rig)) },
    { ...common, name: `${store}-master-frozen`, act: (rig) => freezeMaster(rig, failoverOf(rig)) },
  ];
}
