/** Leases of node generations, beaten in every shard, and the sweep (P1, P9, P10). */
import { StoreError } from '../errors.ts';
import type { BeatResult, StoreNodes, SweepResult } from '../store/nodes.ts';
import { chunks } from '../toolkit/chunks.ts';
import { SharedRead } from '../toolkit/single-flight.ts';
import type { RedisClient } from './connection.ts';
import type { RedisFailures } from './failures.ts';
import { BUCKETS, restoredKey } from './keys.ts';
import type { RedisRecount } from './recount.ts';
import type { RedisShards } from './shards.ts';

/** Sessions looked at by one script call of the sweep: some 3 ms of Redis. */
const SWEEP_BUDGET = 1_000;
/** Shards swept together, of all masters. */
const SHARDS_AT_ONCE = 16;
/** Script calls of one sweep on one master; what is left is due at the next. */
const SWEEP_CALLS_MAX = 2_000;

/** Epoch and server of a store that has just started. */
const NEW_MS = 5_000;
/** Far longer than a restore takes. */
const RESTORED_TTL_MS = 600_000;

export interface RedisNodesOptions {
  readonly client: RedisClient;
  readonly prefix: string;
  readonly failures: Pick<RedisFailures, 'guard'>;
  /** A shard swept by any node within this time is passed over. */
  readonly sweepGapMs: number;
  readonly recount: Pick<RedisRecount, 'run'>;
  /** Run id of the master of each shard; '' where it is not known. */
  readonly runIds: () => Promise<readonly string[]>;
  /** Since the youngest master started. */
  readonly uptimeMs: () => Promise<number>;
  /** The shards of each master. */
  readonly byMaster: () => readonly (readonly number[])[];
  /** Awaited when a shard has another epoch than this process knew, at its first join too: before that it knew none. */
  readonly onNewEpoch: () => Promise<void>;
  /** A node of this process gave its lease up. */
  readonly onQuit: (nodeId: string) => void;
}

export class RedisNodes implements StoreNodes {
  /** Newest epoch seen of each shard. */
  epochs: readonly number[] = [];
  /** Of the server that answered the last beat for a shard; '' where it hides that. */
  private runIds: readonly string[] = [];
  private readonly shards: RedisShards;
  private readonly masters = new SharedRead((_: 'run ids') => this.options.runIds());
  private readonly options: RedisNodesOptions;

  constructor(shards: RedisShards, options: RedisNodesOptions) {
    this.shards = shards;
    this.options = options;
  }

  async join(nodeId: string, leaseMs: number): Promise<BeatResult> {
    const result = await this.run('join', [nodeId, String(leaseMs), this.shards.prefixOf(0)]);
    if (result.outcome === 'alive') this.shards.speaker.nodeId = nodeId;
    const ageMs = result.now - Math.max(...this.epochs);
    return ageMs < NEW_MS && (await this.options.uptimeMs()) < NEW_MS ? { ...result, isNew: true } : result;
  }

  beat(nodeId: string, leaseMs: number): Promise<BeatResult> {
    return this.run('beat', [nodeId, String(leaseMs), this.shards.prefixOf(0)]);
  }

  async quit(nodeId: string): Promise<void> {
    this.options.onQuit(nodeId);
    if (this.shards.speaker.nodeId === nodeId) this.shards.speaker.nodeId = '';
    await this.run('quit', [nodeId]);
  }

  private async run(verb: 'join' | 'beat' | 'quit', common: readonly string[]): Promise<BeatResult> {
    const texts = await this.shards.runEach<string>(verb, common, this.shards.all);
    const replies = texts.map((text) => text.split('|'));
    const epochs = replies.map((reply) => Number(reply[1]));
    // Scripts refuse admissions of an epoch that the caller does not know (P10), hence by a seed that is no more (P18).
    if (epochs.some((epoch, shard) => epoch !== this.epochs[shard])) await this.options.onNewEpoch();
    this.epochs = epochs;
    this.shards.speaker.epoch = Math.max(...epochs);
    this.runIds = replies.map((reply) => reply[3] as string);
    return {
      outcome: replies.some((reply) => reply[0] === 'fenced') ? 'fenced' : 'alive',
      epoch: [...new Set(this.epochs)].join('.'),
      now: Math.max(...replies.map((reply) => Number(reply[2]))),
      nodes: replies[0]?.[4]?.split(' ').filter(Boolean) ?? [],
    };
  }

  async confirmRestored(nodeIds: readonly string[], epoch: string): Promise<readonly string[]> {
    const { client, prefix, failures } = this.options;
    const key = restoredKey(prefix, epoch);
    // On one connection, so in this order.
    const acts = [client.sadd(key, ...nodeIds), client.pexpire(key, RESTORED_TTL_MS), client.smembers(key)] as const;
    const [, , all] = await failures.guard(Promise.all(acts));
    return all;
  }

  /** Whether the masters are those that the last beat saw: others may have lost what they had. */
  async hasKnownMasters(): Promise<boolean> {
    const runIds = await this.masters.ask('run ids');
    const others = runIds.filter((id, shard) => this.runIds[shard] && id !== this.runIds[shard]);
    if (others.includes('')) throw new StoreError('store_unavailable', 'Redis: a master does not answer');
    return others.length === 0;
  }

  /** @throws StoreError when a shard could not be swept, after all others were. */
  async sweep(): Promise<SweepResult> {
    const masters = this.options.byMaster();
    const atOnce = Math.ceil(SHARDS_AT_ONCE / masters.length);
    const failures: unknown[] = [];
    const sweeps = await Promise.all(masters.map((shards) => this.sweepShards(shards, atOnce, failures)));
    if (failures.length > 0) throw failures[0];
    return {
      ended: sweeps.reduce((sum, sweep) => sum + sweep.ended, 0),
      lagMs: Math.max(...sweeps.map((sweep) => sweep.lagMs)),
      corrected: sweeps.reduce((sum, sweep) => sum + sweep.corrected, 0),
    };
  }

  /** Sweeps shards of one master. */
  private async sweepShards(all: readonly number[], atOnce: number, failures: unknown[]): Promise<SweepResult> {
    const tally: Tally = { ended: 0, lagMs: 0, again: [], toCount: new Set() };
    let left = all;
    for (let call = 0; left.length > 0 && call < SWEEP_CALLS_MAX; ) {
      tally.again = [];
      // One call at a time (on Cluster one for each of so many shards), so that others get in between.
      for (const shards of chunks(left, atOnce)) {
        call++;
        await this.sweepOnce(shards, tally).catch((error) => failures.push(error));
      }
      left = tally.again;
    }
    const { ended, lagMs, toCount } = tally;
    let corrected = 0;
    for (const shard of toCount) corrected += await this.options.recount.run(shard);
    return { ended, lagMs, corrected };
  }

  /** One call. A shard whose data is damaged keeps the others from nothing, and is counted anew. */
  private async sweepOnce(shards: readonly number[], tally: Tally): Promise<void> {
    const common = [String(this.options.sweepGapMs), String(SWEEP_BUDGET), String(BUCKETS)];
    const replies = await this.shards.runEach<string | Error>('sweep', common, shards);
    for (const [i, shard] of shards.entries()) {
      const reply = replies[i] as string | Error;
      if (reply instanceof Error) {
        this.shards.failed(reply);
        tally.toCount.add(shard);
        continue;
      }
      const [ended, more, lagMs, isDue] = reply.split('|').map(Number) as [number, number, number, number];
      tally.ended += ended;
      tally.lagMs = Math.max(tally.lagMs, lagMs);
      if (more) tally.again.push(shard);
      if (isDue) tally.toCount.add(shard);
    }
  }
}

/** What a sweep did so far. */
interface Tally {
  ended: number;
  lagMs: number;
  /** Shards in which there is more to do. */
  again: number[];
  /** Shards to be counted anew. */
  readonly toCount: Set<number>;
}
