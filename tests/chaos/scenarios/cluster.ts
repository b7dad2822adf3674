/** What happens to a Cluster of three masters with a replica each. */
import { setTimeout as sleep } from 'node:timers/promises';
import { shardPrefix } from '../../../presence-core/redis/keys.ts';
import { moveSlot, promoted, slotOf, slotsOf, type TestCluster } from '../../support/redis-cluster.ts';
import { following, type TestRedis } from '../../support/redis-server.ts';
import type { Exempt } from '../checker/checker.ts';
import type { Rig } from '../rig/rig.ts';
import { SHARDS } from '../rig/store.ts';
import { churn } from './churn.ts';
import type { Scenario } from './scenario.ts';

/** Replication does not wait. */
const NOT_REPLICATED: Exempt = { I7: 'what began and ended, and was not replicated yet, is in no history' };
/** Until gateways found the new master, noticed its epoch, and opened again what it lacks. */
const NOTICED_MS = 3_000;
const FROZEN_MS = 8_000;
const MOVED = 3;
/** As installed. */
const PREFIX = 'presence';

interface Parts {
  readonly cluster: TestCluster;
  readonly master: TestRedis;
  readonly replica: TestRedis;
}

function partsOf(rig: Rig): Parts {
  const cluster = rig.store.cluster as TestCluster;
  return { cluster, master: cluster.masters[0] as TestRedis, replica: cluster.replicas[0] as TestRedis };
}

/** Moves slots of shards from the first master, one after the other, while players come and go. */
async function moveShards(rig: Rig, to: TestRedis): Promise<void> {
  const { cluster, master } = partsOf(rig);
  const slots = Array.from({ length: SHARDS }, (_, shard) => slotOf(shardPrefix(PREFIX, shard)));
  const { last } = slotsOf(0);
  for (const slot of slots.filter((one) => one <= last).slice(0, MOVED)) {
    await rig.during(async () => {
      void churn(rig, 4);
      await moveSlot(slot, master, to, cluster.masters);
      await rig.pause(NOTICED_MS);
    });
    await sleep(500);
  }
}

export const CLUSTER: readonly Scenario[] = [
  {
    name: 'cluster-master-killed',
    store: 'cluster',
    history: 0,
    exempt: NOT_REPLICATED,
    async act(rig) {
      const { master, replica } = partsOf(rig);
      await rig.during(async () => {
        await master.kill();
        void churn(rig, 6);
        await promoted(replica);
        await rig.pause(NOTICED_MS);
      });
      await rig.pause(0, 2_000);
      await master.restart();
      await following(master);
    },
  },
  {
    name: 'cluster-master-frozen',
    store: 'cluster',
    history: 0,
    exempt: NOT_REPLICATED,
    async act(rig) {
      const { master, replica } = partsOf(rig);
      const thawed = rig.pause(FROZEN_MS).then(() => master.process?.kill('SIGCONT'));
      await rig.during(async () => {
        master.process?.kill('SIGSTOP');
        void churn(rig, 6);
        await promoted(replica);
        await rig.pause(NOTICED_MS);
      });
      // It still takes itself for a master for a moment.
      await thawed;
      await churn(rig, 6);
      await following(master);
    },
  },
  {
    name: 'cluster-slots-moved',
    store: 'cluster',
    history: 0,
    async act(rig) {
      await moveShards(rig, partsOf(rig).cluster.masters[1] as TestRedis);
    },
  },
  {
    name: 'cluster-master-added',
    store: 'cluster',
    history: 0,
    async act(rig) {
      await moveShards(rig, await partsOf(rig).cluster.addMaster());
    },
  },
];
