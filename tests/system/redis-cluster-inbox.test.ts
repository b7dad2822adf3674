/** A node's inbox on a Cluster of which one master is lost (P5, P14). */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { Command } from 'ioredis';
import { inboxKey } from '../../presence-core/redis/keys.ts';
import { startCluster } from '../support/redis-cluster.ts';
import { redisStore } from '../support/redis-stores.ts';
import { until } from '../support/servers.ts';

const SLOTS = 16_384;
const masterOf = (key: string): number => Math.floor((new Command('get', [key]).getSlot() * 3) / SLOTS);

test('[P5] [P14] a master that is lost keeps no inbox of the others from being read', async () => {
  const args = ['--cluster-require-full-coverage', 'no', '--cluster-node-timeout', '500'];
  const cluster = await startCluster(args);
  const prefix = cluster.prefix();
  const store = await redisStore({ url: cluster.url, prefix });
  // What the readers of one Redis prove themselves by.
  const lost = masterOf((store.inbox as unknown as { mark: { key: string } }).mark.key);
  const isElsewhere = (id: string): boolean => masterOf(inboxKey(prefix, id)) !== lost;
  const nodeId = Array.from({ length: 100 }, (_, i) => `n${i}`).find(isElsewhere) as string;
  const session = { userId: 'u', sessionId: 's', via: 'socket', startedAt: 1, expiresAt: 2 } as const;
  const notify = (connection: number) =>
    store.inbox.notify([{ session, owner: { nodeId, connection }, reason: 'moved' }]).catch(() => {});
  const received: number[] = [];
  store.inbox.listen(nodeId, (message) => 'connection' in message && received.push(message.connection));
  try {
    await notify(1);
    await until(() => received.length > 0);
    await cluster.masters[lost]?.kill();
    // Longer than a read that was on its way may last.
    await sleep(3_000);
    received.length = 0;
    await notify(2);
    await until(() => received.length > 0);
    expect(received).toEqual([2]);
  } finally {
    await store.stop();
    await cluster.stop();
  }
});
