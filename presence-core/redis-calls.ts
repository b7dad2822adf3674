/**
 * Carries items of verbs to Redis in batches: what arrives within one turn of the event loop goes as one script call,
 * on Cluster one per shard. Bounds what is in flight (P14).
 */
import { StoreError } from './errors.ts';
import { type Place, placeOf, shardKeys, shardPrefix, userKeys } from './keys.ts';
import type { RenewRequest } from './presence-store.ts';
import type { RedisClient } from './redis-connection.ts';
import { renewCalls } from './redis-renewals.ts';
import { runVerb, type Verb } from './redis-scripts.ts';

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

/** Whose keys a script touches. */
interface Member {
  readonly user: string;
  readonly bucket: string;
}

/** One item of a verb, or a list of them that is answered as one. */
interface Item {
  readonly shard: number;
  readonly args: readonly string[];
  /** How many replies it has. */
  readonly size: number;
  readonly members: readonly Member[];
  /** Finds its replies from `at` on. */
  readonly take: (replies: readonly unknown[], at: number) => void;
  readonly reject: (error: unknown) => void;
}

export class RedisCalls {
  private readonly pending = new Map<ItemVerb, Item[]>();
  private inFlight = 0;
  /** Key prefix of each shard. */
  readonly prefixes: readonly string[];
  private readonly client: RedisClient;
  private readonly onError: (error: unknown) => void;

  constructor(client: RedisClient, prefix: string, shards: number, onError: (error: unknown) => void) {
    this.client = client;
    this.onError = onError;
    this.prefixes = Array.from({ length: shards }, (_, shard) => shardPrefix(prefix, shard));
  }

  /** Queues one item of a verb without common arguments; resolves with its part of the reply. */
  add<Reply>(verb: ItemVerb, shard: number, args: readonly string[], members: readonly Member[] = []): Promise<Reply> {
    return new Promise<Reply>((resolve, reject) => {
      const take: Item['take'] = (replies, at) => resolve(replies[at] as Reply);
      this.queue(verb, { shard, args, size: 1, members, take, reject });
    });
  }

  /** Queues an item on one user. `args` is given the shard's key prefix and the user's bucket. */
  item<Reply>(verb: ItemVerb, userId: string, args: (K: string, bucket: string) => string[]): Promise<Reply> {
    const { shard, bucket } = placeOf(userId, this.prefixes.length);
    const members = this.client.isCluster ? [{ user: userId, bucket }] : [];
    return this.add<Reply>(verb, shard, args(this.prefixOf(shard), bucket), members);
  }

  /** Queues an item, of one argument, on each of many users; replies in their order. */
  async items<Reply>(
    verb: ItemVerb,
    userIds: readonly string[],
    arg: (K: string, userId: string) => string,
  ): Promise<Reply[]> {
    if (userIds.length === 0) return [];
    const { isCluster } = this.client;
    const places = userIds.map((userId) => placeOf(userId, this.prefixes.length));
    const all = Array.from(userIds.keys());
    const groups = isCluster ? byShard(all, (index) => (places[index] as Place).shard) : [all];
    const found = new Array<Reply>(userIds.length);
    const lists = [...groups].flatMap((indexes) => chunks(indexes, ITEMS_PER_CALL[verb]));
    const taken = lists.map((indexes) => {
      const args: string[] = [];
      const members: Member[] = [];
      for (const index of indexes) {
        const [user, { shard, bucket }] = [userIds[index] as string, places[index] as Place];
        args.push(arg(this.prefixOf(shard), user));
        if (isCluster) members.push({ user, bucket });
      }
      return new Promise<void>((resolve, reject) => {
        const take: Item['take'] = (replies, at) => {
          indexes.forEach((index, i) => {
            found[index] = replies[at + i] as Reply;
          });
          resolve();
        };
        const { shard } = places[indexes[0] as number] as Place;
        this.queue(verb, { shard, args, size: indexes.length, members, take, reject });
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
            return { user: userId, bucket: placeOf(userId, this.prefixes.length).bucket };
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

  private queue(verb: ItemVerb, item: Item): void {
    if (this.inFlight + item.size > MAX_IN_FLIGHT) {
      item.reject(tooMany());
      return;
    }
    this.inFlight += item.size;
    const queue = this.pending.get(verb);
    if (queue) {
      queue.push(item);
    } else {
      this.pending.set(verb, [item]);
      setImmediate(() => this.flush(verb));
    }
  }

  private flush(verb: ItemVerb): void {
    const queue = this.pending.get(verb) as Item[];
    this.pending.delete(verb);
    for (const group of this.client.isCluster ? byShard(queue, (item) => item.shard) : [queue]) {
      let items: Item[] = [];
      let size = 0;
      for (const item of group) {
        if (size > 0 && size + item.size > ITEMS_PER_CALL[verb]) {
          this.send(verb, items, size);
          items = [];
          size = 0;
        }
        items.push(item);
        size += item.size;
      }
      this.send(verb, items, size);
    }
  }

  private send(verb: ItemVerb, items: readonly Item[], size: number): void {
    const args: string[] = [];
    for (const item of items) for (const arg of item.args) args.push(arg);
    const K = this.prefixOf((items[0] as Item).shard);
    const members = items.flatMap((item) => item.members);
    const keys = this.client.isCluster ? declaredKeys(K, members) : [];
    this.run(verb, keys, args).then(
      (replies) => {
        this.inFlight -= size;
        let at = 0;
        for (const item of items) {
          item.take(replies, at);
          at += item.size;
        }
      },
      (error) => {
        this.inFlight -= size;
        for (const item of items) item.reject(error);
      },
    );
  }

  private async run(verb: Verb, keys: readonly string[], args: readonly string[]): Promise<unknown[]> {
    try {
      return (await runVerb(this.client, verb, keys, args)) as unknown[];
    } catch (error) {
      this.onError(error);
      throw unavailable(error);
    }
  }
}

/** On Cluster every key a script may touch is declared, so that a slot in migration answers TRYAGAIN, not half a truth. */
function declaredKeys(K: string, members: readonly Member[]): string[] {
  const keys = new Set(shardKeys(K));
  for (const { user, bucket } of members) for (const key of userKeys(K, user, bucket)) keys.add(key);
  return [...keys];
}

export function tooMany(): StoreError {
  return new StoreError('store_unavailable', 'too many commands in flight');
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

export function unavailable(error: unknown): StoreError {
  if (error instanceof StoreError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new StoreError('store_unavailable', `Redis: ${message}`, error);
}

export function chunks<T>(list: readonly T[], size: number): T[][] {
  if (list.length <= size) return [list as T[]];
  const out: T[][] = [];
  for (let i = 0; i < list.length; i += size) out.push(list.slice(i, i + size));
  return out;
}
