/** The shards of a deployment: their key prefixes, and calls of one verb for many of them. */
import { StoreError } from '../errors.ts';
import { chunks } from '../toolkit/chunks.ts';
import type { RedisClient } from './connection.ts';
import type { RedisFailures } from './failures.ts';
import { type Place, placeOf, shardKeys, userKeys } from './keys.ts';
import type { Verb } from './library.ts';
import { NOBODY, runVerb, type Speaker } from './verbs.ts';

/** Verbs on the home of node leases, and all shards whose home it is. */
export type HomeVerb = 'join' | 'beat' | 'quit' | 'sweep';

/** Verbs whose items are of one user or one shard each; renewals and logs are grouped instead, a mark, a notice and a report have none. */
export type ItemVerb = Exclude<Verb, HomeVerb | 'renew' | 'mark' | 'notify' | 'report' | 'follow'>;

/** Items of one call: bounds how long it keeps Redis (an open takes some 30 µs, the others less). */
export const ITEMS_PER_CALL: Readonly<Record<ItemVerb, number>> = {
  open: 32,
  heartbeat: 100,
  update: 64,
  close: 64,
  kick: 64,
  detach: 64,
  recount: 1,
  mend: 100,
  status: 500,
  sessions: 200,
  counts: 500,
  snapshot: 1,
  'snapshot-user': 100,
  watch: 16,
  take: 64,
  prune: 64,
};

/** A user whose keys a call touches. */
export interface KeyUser {
  readonly userId: string;
  readonly bucket: string;
}

/** What all calls on the shards of one process share. */
export interface RedisShardsOptions {
  /** Key prefix of each shard. */
  readonly prefixes: readonly string[];
  readonly failures: RedisFailures;
  /** Changes when the deployment's seed was read, and when it was lost with all data (P18). */
  readonly deployment: { readonly seed: number; readonly isKnown: boolean };
}

export class RedisShards {
  /** Key prefix of each shard. */
  readonly prefixes: readonly string[];
  /** Numbers of all shards. */
  readonly all: readonly number[];
  readonly isCluster: boolean;
  /** Shards that are the home of node leases, their own or those of all: see lua/parts/prelude.lua. */
  readonly homes: readonly number[];
  private readonly client: RedisClient;
  private readonly options: RedisShardsOptions;
  /** Who calls, shared by all that speak for the same process. */
  readonly speaker: Speaker;

  constructor(client: RedisClient, options: RedisShardsOptions, speaker = { ...NOBODY }) {
    this.client = client;
    this.options = options;
    this.speaker = speaker;
    this.isCluster = client.isCluster;
    this.prefixes = options.prefixes;
    this.all = [...options.prefixes.keys()];
    this.homes = this.isCluster ? this.all : [0];
  }

  /** The same shards, called on another connection. */
  through(client: RedisClient): RedisShards {
    return new RedisShards(client, this.options, this.speaker);
  }

  prefixOf(shard: number): string {
    return this.prefixes[shard] as string;
  }

  /** Of the hash that places users. What was placed by another one may not be sent any more. */
  get seed(): number {
    return this.options.deployment.seed;
  }

  /** @throws StoreError before it was read where users are placed: they may be there, elsewhere (P18). */
  mustKnowPlaces(): void {
    if (!this.options.deployment.isKnown)
      throw new StoreError('store_unavailable', 'Redis: not read yet where users are');
  }

  /** @throws StoreError as `mustKnowPlaces` does. */
  placeOf(userId: string): Place {
    this.mustKnowPlaces();
    return placeOf(userId, this.prefixes.length, this.options.deployment.seed);
  }

  /**
   * The keys that a call on one shard declares. On Cluster every key that the verb may touch, so that a slot in
   * migration answers TRYAGAIN, not half a truth; else none.
   */
  declaredKeys(shard: number, users: Iterable<KeyUser>): string[] {
    if (!this.isCluster) return [];
    const prefix = this.prefixOf(shard);
    const keys = new Set(shardKeys(prefix));
    for (const { userId, bucket } of users) for (const key of userKeys(prefix, userId, bucket)) keys.add(key);
    return [...keys];
  }

  /** @throws StoreError for whatever the call fails with. */
  async run<Reply = unknown>(verb: Verb, keys: readonly string[], args: readonly string[]): Promise<Reply[]> {
    return this.options.failures.guard(
      async () => (await runVerb(this.client, verb, keys, args, this.speaker)) as Reply[],
    );
  }

  /** Calls a verb for one home. */
  runAtHome<Reply>(verb: HomeVerb, home: number, args: readonly (string | number)[]): Promise<Reply[]> {
    return this.run<Reply>(verb, this.declaredKeys(home, []), [this.prefixOf(home), ...args.map(String)]);
  }

  /** The error of one item of a call whose other items were carried out. */
  failed(reply: unknown): StoreError {
    return this.options.failures.failed(reply);
  }

  /** Divides shards into those that one call of the verb may carry. */
  groups(verb: ItemVerb, shards: readonly number[]): number[][] {
    return chunks(shards, this.isCluster ? 1 : ITEMS_PER_CALL[verb]);
  }

  /**
   * Calls a verb for many shards; replies in their order.
   * @param common arguments before those of the shards.
   */
  async runEach<Reply>(
    verb: 'recount' | 'take' | 'prune',
    common: readonly string[],
    shards: readonly number[],
  ): Promise<Reply[]> {
    const replies = await Promise.all(
      this.groups(verb, shards).map((group) => {
        const keys = group.flatMap((shard) => this.declaredKeys(shard, []));
        return this.run<Reply>(verb, keys, [...common, ...group.map((shard) => this.prefixOf(shard))]);
      }),
    );
    return replies.flat();
  }
}
