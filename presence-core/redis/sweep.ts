/** The sweep (P1, P9): slices of it, one after the other, whichever process is next. */
import type { SweepResult } from '../store/nodes.ts';
import { chunks } from '../toolkit/chunks.ts';
import { pause } from '../toolkit/retrying.ts';
import { BUCKETS } from './keys.ts';
import type { RedisRecount } from './recount.ts';
import type { RedisShards } from './shards.ts';

/** What one slice may cost, in rows looked at: some 2 ms of Redis, or 60 sessions that end. */
const SLICE_BUDGET = 2_000;
/** Homes swept together, of all masters of a Cluster. */
const HOMES_AT_ONCE = 16;
/** Slices of one sweep at one home; what is left is due at the next. */
const SLICES_MAX = 5_000;
/** Who is passed over while another process sweeps looks again after so long, in case that one died. */
const PASSED_OVER_MS = 1_000;

export interface RedisSweepOptions {
  /** After a sweep that left no work, no process sweeps for so long. */
  readonly gapMs: number;
  readonly recount: Pick<RedisRecount, 'run'>;
  /** The shards of each master. */
  readonly byMaster: () => readonly (readonly number[])[];
}

/** What a sweep did so far. */
interface Tally {
  ended: number;
  lagMs: number;
  /** Shards to be counted anew. */
  readonly toCount: Set<number>;
}

/** What to do after a slice. */
interface Slice {
  readonly isLeft: boolean;
  readonly waitMs: number;
  /** It was carried out here, and not passed over. */
  readonly isOwn: boolean;
}

export class RedisSweep {
  private readonly shards: RedisShards;
  private readonly options: RedisSweepOptions;

  constructor(shards: RedisShards, options: RedisSweepOptions) {
    this.shards = shards;
    this.options = options;
  }

  /**
   * Resolves when no work is left, whoever did it.
   * @throws StoreError when a home could not be swept, after all others were.
   */
  async run(): Promise<SweepResult> {
    const { homes, isCluster } = this.shards;
    const masters = isCluster ? this.options.byMaster() : [homes];
    const atOnce = Math.ceil(HOMES_AT_ONCE / masters.length);
    const failures: unknown[] = [];
    const sweeps = await Promise.all(masters.map((shards) => this.sweepMaster(shards, atOnce, failures)));
    if (failures.length > 0) throw failures[0];
    return {
      ended: sweeps.reduce((sum, sweep) => sum + sweep.ended, 0),
      lagMs: Math.max(...sweeps.map((sweep) => sweep.lagMs)),
      corrected: sweeps.reduce((sum, sweep) => sum + sweep.corrected, 0),
      mendedUserIds: sweeps.flatMap((sweep) => sweep.mendedUserIds),
    };
  }

  /** Homes of one master: each one slice, then again those with work left, so that none waits for another's last. */
  private async sweepMaster(homes: readonly number[], atOnce: number, failures: unknown[]): Promise<SweepResult> {
    const tally: Tally = { ended: 0, lagMs: 0, toCount: new Set() };
    let left = homes;
    const own = new Set<number>();
    for (let slice = 0; left.length > 0 && slice < SLICES_MAX; slice++) {
      const again: number[] = [];
      let waitMs = Number.POSITIVE_INFINITY;
      const sweepOne = async (home: number): Promise<void> => {
        const result = await this.slice(home, tally, own.has(home));
        if (result.isOwn) own.add(home);
        else own.delete(home);
        if (!result.isLeft) return;
        again.push(home);
        waitMs = Math.min(waitMs, result.waitMs);
      };
      for (const group of chunks(left, atOnce)) {
        await Promise.all(group.map((home) => sweepOne(home).catch((error) => failures.push(error))));
      }
      left = again;
      if (left.length > 0) await pause(waitMs);
    }
    const { ended, lagMs, toCount } = tally;
    let corrected = 0;
    const mendedUserIds: string[] = [];
    for (const shard of toCount) {
      const recounted = await this.options.recount.run(shard);
      corrected += recounted.corrected;
      mendedUserIds.push(...recounted.mendedUserIds);
    }
    return { ended, lagMs, corrected, mendedUserIds };
  }

  /** @param wasOwn the last slice was carried out here: then the next one is too, once the time for others is over. */
  private async slice(home: number, tally: Tally, wasOwn: boolean): Promise<Slice> {
    const args = [this.options.gapMs, SLICE_BUDGET, BUCKETS];
    const [head, ...failed] = await this.shards.runAtHome<string | Error>('sweep', home, args);
    for (const error of failed) this.shards.failed(error);
    if (head === undefined || head instanceof Error) {
      this.shards.failed(head);
      return { isLeft: false, waitMs: 0, isOwn: false };
    }
    const [ended, isLeft, lagMs, waitMs, toCount = ''] = head.split('|');
    tally.ended += Number(ended);
    tally.lagMs = Math.max(tally.lagMs, Number(lagMs));
    for (const shard of toCount.split(' ').filter(Boolean)) tally.toCount.add(Number(shard));
    const isOwn = Number(waitMs) >= 0;
    const opensInMs = wasOwn ? 1 - Number(waitMs) : PASSED_OVER_MS;
    return { isLeft: isLeft === '1', waitMs: isOwn ? Number(waitMs) : opensInMs, isOwn };
  }
}
