/**
 * Carries items of verbs to Redis in batches: what arrives within one turn of the event loop goes as one script call,
 * on Cluster one per shard. Bounds what is in flight (P14).
 */

import type { RenewRequest } from '../store/sessions.ts';
import type { RedisClient } from './connection.ts';
import { type RedisFailures, tooMany } from './failures.ts';
import { placeOf, shardKeys, shardPrefix, userKeys } from './keys.ts';
import { renewCalls } from './renewals.ts';
import { runVerb, type Verb } from './scripts.ts';

/** Verbs whose items are joined as they come; renewals arrive in batches and are grouped instead. */
export type ItemVerb = Exclude<Verb, 'renew'>;

/** Items of one call: bounds how long a script keeps Redis (an open takes some 30 µs, the others less). */
const ITEMS_PER_CALL: Readonly<Record<ItemVerb, number>> = {
  open: 32,
  update: 64,
  close: 64,
  detach: 64,
  beat: 64,
  sweep: 16,
  status: 500,
  sessions: 200,
  count: 500,
  snapshot: 1,
  take: 64,
  tidy: 64,
};
/** ~50 MB of arguments at the most. */
const MAX_IN_FLIGHT = 50_000;

/** One item of a verb. */
interface Item {
  readonly shard: number;
  readonly args: readonly string[];
  /** The user whose keys it touches: known on Cluster. */
  readonly member?: { readonly user: string; readonly bucket: string };
}

/** Items that are answered together. */
interface Waiting {
  readonly items: readonly Item[];
  /** Finds its own replies from `at` on. */
  readonly take: (replies: readonly unknown[], at: number) => void;
  readonly reject: (error: unknown) => void;
}

export class RedisCalls {
  private readonly pending = new Map<ItemVerb, Waiting[]>();
  private inFlight = 0;
  /** Key prefix of each shard. */
  readonly prefixes: readonly string[];
  private readonly client: RedisClient;
  private readonly failures: RedisFailures;

  constructor(client: RedisClient, prefix: string, shards: number, failures: RedisFailures) {
    this.client = client;
    this.failures = failures;
    this.prefixes = Array.from({ length: shards }, (_, shard) => shardPrefix(prefix, shard));
  }

  /** An item on one user. `args` is given the shard's key prefix and the user's bucket. */
  itemOf(userId: string, args: (K: string, bucket: string) => readonly string[]): Item {
    const { shard, bucket } = placeOf(userId, this.prefixes.length);
    const item = { shard, args: args(this.prefixOf(shard), bucket) };
    return this.client.isCluster ? { ...item, member: { user: userId, bucket } } : item;
  }

  /** Queues one item of a verb without common arguments; resolves with its part of the reply. */
  add<Reply>(verb: ItemVerb, item: Item): Promise<Reply> {
    return new Promise<Reply>((resolve, reject) => {
      this.queue(verb, { items: [item], take: (replies, at) => resolve(replies[at] as Reply), reject });
    });
  }

  /** Queues an item on one user, as `itemOf` has it. */
  item<Reply>(verb: ItemVerb, userId: string, args: (K: string, bucket: string) => readonly string[]): Promise<Reply> {
    return this.add<Reply>(verb, this.itemOf(userId, args));
  }

  /** Queues many; replies in their order. */
  async list<Reply>(verb: ItemVerb, items: readonly Item[]): Promise<Reply[]> {
    if (items.length === 0) return [];
    const found = new Array<Reply>(items.length);
    const all = Array.from(items.keys());
    const groups = this.client.isCluster ? byShard(all, (i) => (items[i] as Item).shard) : [all];
    const lists = [...groups].flatMap((group) => chunks(group, ITEMS_PER_CALL[verb]));
    const taken = lists.map((indexes) => {
      return new Promise<void>((resolve, reject) => {
        const take = (replies: readonly unknown[], at: number): void => {
          for (const [i, index] of indexes.entries()) found[index] = replies[at + i] as Reply;
          resolve();
        };
        this.queue(verb, { items: indexes.map((i) => items[i] as Item), take, reject });
      });
    });
    await Promise.all(taken);
    return found;
  }

  /**
   * Calls a verb with common arguments once for many shards; replies in their order.
   * @param own what a shard's item has beside its prefix.
   */
  async forShards<Reply>(
    verb: 'beat' | 'sweep' | 'take' | 'tidy',
    common: readonly string[],
    shards: readonly number[],
    own: (shard: number) => readonly string[] = () => [],
  ): Promise<Reply[]> {
    const groups = this.shardGroups(verb, shards);
    const replies = await Promise.all(
      groups.map((group) => {
        const prefixes = group.map((shard) => this.prefixes[shard] as string);
        const keys = this.client.isCluster ? prefixes.flatMap(shardKeys) : [];
        return this.run(verb, keys, [...common, ...group.flatMap((shard) => [this.prefixOf(shard), ...own(shard)])]);
      }),
    );
    return replies.flat() as Reply[];
  }

  /** Shards that one call may carry. */
  shardGroups(verb: ItemVerb, shards: readonly number[]): number[][] {
    return chunks(shards, this.client.isCluster ? 1 : ITEMS_PER_CALL[verb]);
  }

  /** Renews leases; results in the order of the requests. */
  async renew<Result>(requests: readonly RenewRequest[], read: (reply: string) => Result): Promise<Result[]> {
    if (this.inFlight + requests.length > MAX_IN_FLIGHT) throw tooMany();
    this.inFlight += requests.length;
    const results = new Array<Result>(requests.length);
    try {
      const calls = renewCalls(requests, this.prefixes, this.client.isCluster);
      await Promise.all(
        calls.map(async ({ shard, args, indexes }) => {
          const member = (index: number) => {
            const { userId } = requests[index] as RenewRequest;
            return { member: { user: userId, bucket: placeOf(userId, this.prefixes.length).bucket } };
          };
          const keys = this.client.isCluster ? declaredKeys(this.prefixOf(shard), indexes.map(member)) : [];
          const replies = (await this.run('renew', keys, args)) as string[];
          indexes.forEach((index, i) => {
            results[index] = read(replies[i] as string);
          });
        }),
      );
    } finally {
      this.inFlight -= requests.length;
    }
    return results;
  }

  prefixOf(shard: number): string {
    return this.prefixes[shard] as string;
  }

  private queue(verb: ItemVerb, waiting: Waiting): void {
    if (this.inFlight + waiting.items.length > MAX_IN_FLIGHT) {
      waiting.reject(tooMany());
      return;
    }
    this.inFlight += waiting.items.length;
    const queue = this.pending.get(verb);
    if (queue) {
      queue.push(waiting);
    } else {
      this.pending.set(verb, [waiting]);
      setImmediate(() => this.flush(verb));
    }
  }

  private flush(verb: ItemVerb): void {
    const queue = this.pending.get(verb) as Waiting[];
    this.pending.delete(verb);
    const groups = this.client.isCluster ? byShard(queue, ({ items }) => (items[0] as Item).shard) : [queue];
    for (const group of groups) {
      let call: Waiting[] = [];
      let size = 0;
      for (const waiting of group) {
        if (size > 0 && size + waiting.items.length > ITEMS_PER_CALL[verb]) {
          this.send(verb, call);
          call = [];
          size = 0;
        }
        call.push(waiting);
        size += waiting.items.length;
      }
      this.send(verb, call);
    }
  }

  private send(verb: ItemVerb, call: readonly Waiting[]): void {
    const items = call.flatMap((waiting) => waiting.items);
    const args: string[] = [];
    for (const item of items) for (const arg of item.args) args.push(arg);
    const keys = this.client.isCluster ? declaredKeys(this.prefixOf((items[0] as Item).shard), items) : [];
    this.run(verb, keys, args).then(
      (replies) => {
        this.inFlight -= items.length;
        let at = 0;
        for (const waiting of call) {
          waiting.take(replies, at);
          at += waiting.items.length;
        }
      },
      (error) => {
        this.inFlight -= items.length;
        for (const waiting of call) waiting.reject(error);
      },
    );
  }

  private run<Reply = unknown>(verb: Verb, keys: readonly string[], args: readonly string[]): Promise<Reply[]> {
    return this.failures.guard(runVerb(this.client, verb, keys, args) as Promise<Reply[]>);
  }
}

/** On Cluster every key a script may touch is declared, so that a slot in migration answers TRYAGAIN, not half a truth. */
function declaredKeys(K: string, items: readonly Pick<Item, 'member'>[]): string[] {
  const keys = new Set(shardKeys(K));
  for (const { member } of items) if (member) for (const key of userKeys(K, member.user, member.bucket)) keys.add(key);
  return [...keys];
}

function byShard<T>(list: readonly T[], shardOf: (one: T) => number): Iterable<T[]> {
  const groups = new Map<number, T[]>();
  for (const one of list) {
    const shard = shardOf(one);
    const group = groups.get(shard);
    if (group) group.push(one);
    else groups.set(shard, [one]);
  }
  return groups.values();
}

export function chunks<T>(list: readonly T[], size: number): T[][] {
  if (list.length <= size) return [list as T[]];
  const out: T[][] = [];
  for (let i = 0; i < list.length; i += size) out.push(list.slice(i, i + size));
  return out;
}
