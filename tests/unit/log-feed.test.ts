/** One reader of the log for all in a process (P11), over a log whose answers the test gives by hand. */
import { setImmediate as turn } from 'node:timers/promises';
import { beforeEach, expect, test } from '@jest/globals';
import { LogFeed, type LogFollower } from '../../gateway/node/log-feed.ts';
import type { LogPage, PresenceStore } from '../../presence-core/index.ts';
import { until } from '../support/servers.ts';

const SHARDS = 16;

interface Read {
  readonly cursor: string;
  readonly waitMs: number;
  readonly shards: readonly number[] | undefined;
  answer(page: Partial<LogPage>): void;
}

let reads: Read[];
let tails: (() => void)[];
let tail: string;
let areTailsHeld: boolean;
let feed: LogFeed;

beforeEach(() => {
  // A reader of another test may still be at its last turn.
  const own: Read[] = [];
  reads = own;
  tails = [];
  tail = 'tail';
  areTailsHeld = false;
  const log = {
    tail: async () => {
      if (areTailsHeld) await new Promise<void>((resolve) => tails.push(resolve));
      return tail;
    },
    read: (cursor: string, _: number, waitMs: number, shards: readonly number[] | undefined) =>
      new Promise<LogPage>((resolve) => {
        const rest = { changes: [], cursor, gap: false, more: false, asOf: 0 };
        own.push({ cursor, waitMs, shards, answer: (page) => resolve({ ...rest, ...page }) });
      }),
    moved: (cursor: string, place: string, shards: readonly number[]) => `${cursor}, ${place} in ${shards.join('+')}`,
    positions: (cursor: string) => Array(SHARDS).fill(cursor === 'far' ? 7 : 5),
  };
  const store = { log, snapshots: { shards: SHARDS, division: 1 } } as unknown as PresenceStore;
  feed = new LogFeed(store, { error: () => {} });
});

interface Told extends LogFollower {
  readonly told: string[];
  wanted: readonly number[] | undefined;
}

function follower(options: { waitMs?: number } = {}): Told {
  const told: string[] = [];
  return {
    ...options,
    told,
    wanted: undefined,
    shards() {
      return this.wanted;
    },
    moved: (cursor) => void told.push(`moved ${cursor}`),
    batch: (_, cursor) => void told.push(`batch ${cursor}`),
    gap: (cursor) => void told.push(`gap ${cursor}`),
    reached: (at) => void told.push(`reached ${at}`),
  };
}

async function enter(one: Told, shards: readonly number[] | undefined): Promise<void> {
  one.wanted = shards;
  await feed.enter(one, shards);
}

const last = (): Read => reads.at(-1) as Read;
/** What a read asks of: where it begins, how long it waits, of which shards. */
const asked = ({ cursor, waitMs, shards }: Read): unknown[] => [cursor, waitMs, shards];
const settle = async (): Promise<void> => {
  for (let i = 0; i < 5; i++) await turn();
};

test('[P11] all who follow share one reader, from the place where it stands, with the shortest wait', async () => {
  const [patient, hasty] = [follower(), follower({ waitMs: 250 })];
  await enter(patient, undefined);
  expect(reads.map(asked)).toEqual([['tail', 1_000, undefined]]);
  last().answer({ cursor: 'next' });
  await until(() => reads.length === 2);
  await enter(hasty, undefined);
  expect(hasty.told).toEqual(['moved next']);
  last().answer({ cursor: 'later', asOf: 3 });
  await until(() => reads.length === 3);
  expect(patient.told).toEqual(['moved tail', 'batch next', 'reached 0', 'batch later', 'reached 3']);
  expect(hasty.told).toEqual(['moved next', 'batch later', 'reached 3']);
  expect(reads.map(asked)).toEqual([
    ['tail', 1_000, undefined],
    ['next', 1_000, undefined],
    ['later', 250, undefined],
  ]);
});

test('[P11] shards that one more wants are read from their newest entries on; whoever leaves gives up its own', async () => {
  const [few, all] = [follower(), follower()];
  await enter(few, [1, 2]);
  tail = 'newer';
  await enter(few, [3]);
  few.wanted = [1, 2, 3];
  expect(asked(last())).toEqual(['tail, newer in 3', 1_000, [1, 2, 3]]);
  await enter(all, undefined);
  const others = Array.from({ length: SHARDS }, (_, shard) => shard).filter((shard) => shard < 1 || shard > 3);
  const cursor = `tail, newer in 3, newer in ${others.join('+')}`;
  expect(asked(last())).toEqual([cursor, 1_000, undefined]);
  expect(few.told.at(-1)).toBe(`moved ${cursor}`);
  feed.leave(all);
  expect(asked(last())).toEqual([cursor, 1_000, [1, 2, 3]]);
  // An answer to what nobody waits for any more.
  reads.at(-2)?.answer({ cursor: 'stale' });
  last().answer({ cursor: 'next' });
  await settle();
  expect(few.told.slice(-2)).toEqual(['batch next', 'reached 0']);
  expect(all.told.some((text) => text.includes('next'))).toBe(false);
});

test('[P11] a place that is lost while shards are added is the newer one', async () => {
  const few = follower();
  await enter(few, [1]);
  areTailsHeld = true;
  const entered = enter(few, [2]);
  few.wanted = [1, 2];
  last().answer({ gap: true });
  await settle();
  tail = 'after';
  tails[1]?.();
  await settle();
  expect(few.told.at(-1)).toBe('gap after');
  areTailsHeld = false;
  tails[0]?.();
  await entered;
  // Shard 2 was wanted when the place was lost, and is read from there.
  expect(asked(last())).toEqual(['after', 1_000, [1, 2]]);
});

test('[P11] the lag is the time since a read reached the newest entries, or since the start', async () => {
  const one = follower();
  expect(feed.lagMs).toBeUndefined();
  await enter(one, undefined);
  expect(feed.lagMs).toBeGreaterThanOrEqual(0);
  const answered = async (page: Partial<LogPage>): Promise<void> => {
    const count = reads.length;
    last().answer(page);
    await until(() => reads.length > count);
  };
  // Far in the future, so that the time which the test takes does not matter.
  const at = performance.now() + 10_000_000;
  await answered({ cursor: 'next', asOf: at });
  expect(feed.lagMs).toBeLessThan(-5_000_000);
  // There is more: what came since waits. Nor does an older proof count.
  await answered({ cursor: 'later', more: true, asOf: 3 * at });
  await answered({ cursor: 'later still', asOf: Number.NEGATIVE_INFINITY });
  expect(feed.lagMs).toBeGreaterThan(-at);
  expect(feed.lagMs).toBeLessThan(-5_000_000);
  feed.leave(one);
  expect(feed.lagMs).toBeUndefined();
});

test('[P11] when the last one leaves nothing is read, and who comes then begins at the newest entries', async () => {
  const one = follower();
  await enter(one, undefined);
  expect(await feed.behind()).toBe(0);
  tail = 'far';
  expect(await feed.behind()).toBe(2 * SHARDS);
  feed.leave(one);
  expect(await feed.behind()).toBeUndefined();
  last().answer({ cursor: 'next' });
  await settle();
  expect(reads).toHaveLength(1);
  await enter(one, undefined);
  expect(one.told).toEqual(['moved tail', 'moved far']);
  expect(asked(last())).toEqual(['far', 1_000, undefined]);
});
