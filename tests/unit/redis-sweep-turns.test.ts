/** Who goes on with a sweep, and when, towards a Redis whose answers the test gives by hand (P9). */
import { beforeEach, expect, test } from '@jest/globals';
import type { RedisShards } from '../../presence-core/redis/shards.ts';
import { VirtualTime } from '../support/virtual-time.ts';

const time = new VirtualTime();
time.install();
const { RedisSweep } = await import('../../presence-core/redis/sweep.ts');

beforeEach(() => time.clear());

/** Heads of replies: ended, whether work is left, lag, ms to wait (less than 0: passed over). */
async function sweepOf(...heads: readonly string[]): Promise<{ askedAt: number[]; ended: number | undefined }> {
  const askedAt: number[] = [];
  const beganAt = performance.now();
  const shards = {
    homes: [0],
    isCluster: false,
    failed: () => {},
    runAtHome: async () => {
      askedAt.push(performance.now() - beganAt);
      return [`${heads[askedAt.length - 1]}|`];
    },
  };
  const options = {
    gapMs: 1_000,
    recount: { run: async () => ({ corrected: 0, mendedUserIds: [] }) },
    byMaster: () => [[0]],
  };
  const sweep = new RedisSweep(shards as unknown as RedisShards, options);
  let ended: number | undefined;
  void sweep.run().then((result) => {
    ended = result.ended;
  });
  await time.pass(10_000);
  return { askedAt, ended };
}

test('[P9] who did the last slice does the next one as soon as it may, also when it came too early', async () => {
  expect(await sweepOf('60|1|0|4', '0|1|0|-1', '60|1|0|4', '5|0|0|4')).toEqual({ askedAt: [0, 4, 6, 10], ended: 125 });
});

test('[P9] who is passed over while another process sweeps comes back a second later', async () => {
  expect(await sweepOf('0|1|0|-4', '0|1|0|-4', '7|0|0|4')).toEqual({ askedAt: [0, 1_000, 2_000], ended: 7 });
});

test('[P9] who lost its turn to another process waits as all others do', async () => {
  const heads = ['60|1|0|4', '0|1|0|-4', '0|1|0|-4', '1|0|0|4'];
  expect(await sweepOf(...heads)).toEqual({ askedAt: [0, 4, 9, 1_009], ended: 61 });
});
