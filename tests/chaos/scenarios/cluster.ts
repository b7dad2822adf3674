/** What happens to a Cluster of three masters with a replica each. */
import { setTimeout as sleep } from 'node:timers/promises';
import { shardPrefix } from '../../../presence-core/redis/keys.ts';
import { moveSlot, promoted, slotOf, slotsOf, type TestCluster } from '../../support/redis-cluster.ts';
import type { TestRedis } from '../../support/redis-server.ts';
import type { Rig } from '../rig/rig.ts';
import { SHARDS } from '../rig/store.ts';
import { churn } from './churn.ts';
import { type Failover, lostMasters, NOTICED_MS } from './failover.ts';
import type { Scenario } from './scenario.ts';

const MOVED = 3;
/** As installed. */
const PREFIX = 'presence';

const clusterOf = (rig: Rig): TestCluster => rig.store.cluster as TestCluster;

function failoverOf(rig: Rig): Failover {
  const { masters, replicas } = clusterOf(rig);
  return { master: masters[0] as TestRedis, takenOver: () => promoted(replicas[0] as TestRedis) };
}

/** Moves slots of shards from the first master, one after the other, while players come and go. */
async function moveShards(rig: Rig, to: TestRedis): Promise<void> {
  const { masters } = clusterOf(rig);
  const slots = Array.from({ length: SHARDS }, (_, shard) => slotOf(shardPrefix(PREFIX, shard)));
  const { last } = slotsOf(0);
  for (const slot of slots.filter((one) => one <= last).slice(0, MOVED)) {
    await rig.during(async () => {
      void churn(rig, 4);
      await moveSlot(slot, masters[0] as TestRedis, to, masters);
      await rig.pause(NOTICED_MS);
    });
    await sleep(500);
  }
}

export const CLUSTER: readonly Scenario[] = [
  ...lostMasters('cluster', failoverOf),
  {
    name: 'cluster-slots-moved',
    store: 'cluster',
    history: 0,
    async act(rig) {
      await moveShards(rig, clusterOf(rig).masters[1] as TestRedis);
    },
  },
  {
    name: 'cluster-master-added',
    store: 'cluster',
    history: 0,
    async act(rig) {
      await moveShards(rig, await clusterOf(rig).addMaster());
    },
  },
];
