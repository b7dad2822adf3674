/** What was placed by a seed that is no more is neither sent nor read on (P18). */
import { expect, test } from '@jest/globals';
import { LogReader } from '../../gateway/node/log-reader.ts';
import type { PresenceStore } from '../../presence-core/index.ts';
import { RedisFailures } from '../../presence-core/redis/failures.ts';
import { InFlightBounds } from '../../presence-core/redis/in-flight.ts';
import { ItemQueue } from '../../presence-core/redis/item-queue.ts';
import { placeOf } from '../../presence-core/redis/keys.ts';
import { RedisShards } from '../../presence-core/redis/shards.ts';
import { redisByHand } from '../support/redis-by-hand.ts';

test('[P18] without a seed users are where they were before there were seeds', () => {
  const places = ['u', 'u1', 'jane@example.com', 'a'.repeat(128)].map((userId) => placeOf(userId, 64, 0));
  expect(places).toEqual([
    { shard: 48, bucket: '182' },
    { shard: 23, bucket: '196' },
    { shard: 25, bucket: '219' },
    { shard: 43, bucket: '160' },
  ]);
});

test('[P18] what was placed by a seed that changed before it was sent fails, and counts no more as in flight', async () => {
  const calls: unknown[][] = [];
  const client = redisByHand(async (...call) => {
    calls.push(call);
    return ['reply'];
  });
  const deployment = { seed: 1, isKnown: true };
  const shards = new RedisShards(client, { prefixes: ['a', 'b'], failures: new RedisFailures(() => {}), deployment });
  const queue = new ItemQueue(shards, new InFlightBounds(1));
  const add = () => queue.addForUser('open', 'u', (prefix, bucket) => [prefix, bucket]);
  const placed = add();
  deployment.seed = 2;
  await expect(placed).rejects.toMatchObject({ code: 'store_unavailable', retryable: true });
  expect(calls).toEqual([]);
  expect(await add()).toBe('reply');
  const { shard, bucket } = placeOf('u', 2, 2);
  expect(calls).toEqual([['open', [['a', 'b'][shard], bucket]]]);
});

test('[P18] [P11] a reader of the log begins anew when users are placed anew, although the log goes on', async () => {
  const told: string[] = [];
  const snapshots = { division: 1 };
  let reads = 0;
  const log = {
    tail: async () => 'tail',
    read: async (cursor: string) => {
      reads += 1;
      if (reads === 2) snapshots.division = 2;
      if (reads > 3) await new Promise(() => {});
      return { changes: [], cursor: `${cursor}+`, gap: false, more: false, asOf: 0 };
    },
  };
  const read = new Promise<void>((resolve) => {
    const reader = new LogReader({ log, snapshots } as unknown as PresenceStore, {
      batch: (_, cursor) => {
        told.push(`batch ${cursor}`);
        if (told.length < 3) return;
        reader.stop();
        resolve();
      },
      gap: (cursor) => told.push(`gap ${cursor}`),
      failed: (error) => told.push(String(error)),
    });
    reader.start('from');
  });
  await read;
  expect(told).toEqual(['batch from+', 'gap tail', 'batch tail+']);
});
