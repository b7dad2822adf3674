/**
 * Carries items of verbs to Redis in batches: what arrives within one turn of the event loop goes as one call,
 * on Cluster one per shard. Two verbs are gathered longer, until a call is full at most. Opens, the dearest by far where
 * calls are small, wait while others have no answer yet: when there are few nothing waits, and in a storm calls are large.
 * Updates, of which nobody waits for the answer, wait until a millisecond has passed since the last ones.
 * Each kind of verb has a bound of what is in flight (P14).
 */
import { StoreError } from '../errors.ts';
import { chunks } from '../toolkit/chunks.ts';
import type { InFlight, InFlightBounds } from './in-flight.ts';
import { keptId } from './keys.ts';
import { ITEMS_PER_CALL, type KeyUser, type RedisShards } from './shards.ts';

/** Verbs whose items are queued, and what each counts as. */
const KINDS = {
  open: 'admissions',
  update: 'admissions',
  heartbeat: 'renewals',
  close: 'releases',
  kick: 'releases',
  detach: 'releases',
  mend: 'releases',
  status: 'reads',
  sessions: 'reads',
  counts: 'reads',
  snapshot: 'reads',
  'snapshot-user': 'reads',
  watch: 'reads',
} as const satisfies Record<string, keyof InFlightBounds>;

type QueuedVerb = keyof typeof KINDS;

/** One item of a verb. */
interface Item {
  readonly shard: number;
  readonly args: readonly string[];
  /** The user whose keys it touches: known on Cluster. */
  readonly user?: KeyUser;
}

/** Items that are queued, and answered, together. */
interface QueuedItems {
  readonly items: readonly Item[];
  /** Of one item on one user. */
  readonly userId?: string | undefined;
  /** Given the replies of a whole call: its own begin at `at`. */
  readonly resolve: (replies: readonly unknown[], at: number) => void;
  readonly reject: (error: unknown) => void;
}

interface Queue {
  /** By which the first of them was placed. */
  readonly seed: number;
  readonly all: QueuedItems[];
  /** It waits for answers to earlier calls, or for its timer; else it goes at the end of this turn. */
  readonly isGathering: boolean;
  timer: NodeJS.Timeout | undefined;
  size: number;
}

/** The least time between two calls of updates: a call with two items costs Redis and Node half of what two calls cost. */
const UPDATES_GATHER_MS = 1;

/** Arguments of an item on one user, of the shard's key prefix, the user's bucket, and the user as the verbs take it. */
type ItemArgs = (prefix: string, bucket: string, user: string) => readonly string[];

export class ItemQueue {
  private readonly queued = new Map<QueuedVerb, Queue>();
  private readonly shards: RedisShards;
  private readonly bounds: InFlightBounds;
  /** When the last call of updates was sent, by `performance.now()`. */
  private updatesSentAt = Number.NEGATIVE_INFINITY;
  /** Calls of opens without an answer. */
  private unanswered = 0;

  constructor(shards: RedisShards, bounds: InFlightBounds) {
    this.shards = shards;
    this.bounds = bounds;
  }

  itemOf(userId: string, args: ItemArgs): Item {
    const { shard, bucket } = this.shards.placeOf(userId);
    const item = { shard, args: args(this.shards.prefixOf(shard), bucket, keptId(userId)) };
    return this.shards.isCluster ? { ...item, user: { userId, bucket } } : item;
  }

  /**
   * Queues one item; resolves with its part of the reply.
   * @throws StoreError `overloaded` at once when too much is in flight; `internal` for an error of this item alone.
   */
  add<Reply>(verb: QueuedVerb, item: Item, userId?: string): Promise<Reply> {
    return new Promise<Reply>((resolve, reject) => {
      const answered = (replies: readonly unknown[], at: number): void => {
        const reply = replies[at];
        if (reply instanceof Error) reject(this.shards.failed(reply));
        else resolve(reply as Reply);
      };
      this.queue(verb, { items: [item], userId, resolve: answered, reject });
    });
  }

  /** Queues an item on one user. */
  addForUser<Reply>(verb: QueuedVerb, userId: string, args: ItemArgs): Promise<Reply> {
    // Opens do not send the updates of others, which come as often.
    if (verb === 'open' && this.isUpdated(userId)) this.flush('update');
    return this.add<Reply>(verb, this.itemOf(userId, args), userId);
  }

  /** Queues many; replies in their order. */
  async addAll<Reply>(verb: QueuedVerb, items: readonly Item[]): Promise<Reply[]> {
    if (items.length === 0) return [];
    const found = new Array<Reply>(items.length);
    const all = Array.from(items.keys());
    const groups = this.shards.isCluster ? byShard(all, (i) => (items[i] as Item).shard) : [all];
    const lists = [...groups].flatMap((group) => chunks(group, ITEMS_PER_CALL[verb]));
    const answers = lists.map((indexes) => {
      return new Promise<void>((resolve, reject) => {
        const answered = (replies: readonly unknown[], at: number): void => {
          for (const [i, index] of indexes.entries()) {
            const reply = replies[at + i];
            if (reply instanceof Error) {
              reject(this.shards.failed(reply));
              return;
            }
            found[index] = reply as Reply;
          }
          resolve();
        };
        this.queue(verb, { items: indexes.map((i) => items[i] as Item), resolve: answered, reject });
      });
    });
    await Promise.all(answers);
    return found;
  }

  private queue(verb: QueuedVerb, added: QueuedItems): void {
    this.shards.mustKnowPlaces();
    this.boundOf(verb).add(added.items.length);
    const queue = this.queued.get(verb) ?? this.begin(verb);
    queue.all.push(added);
    queue.size += added.items.length;
    if (queue.isGathering && queue.size >= ITEMS_PER_CALL[verb]) this.flush(verb);
  }

  private begin(verb: QueuedVerb): Queue {
    const waitMs = verb === 'update' ? Math.ceil(this.updatesSentAt + UPDATES_GATHER_MS - performance.now()) : 0;
    // On Cluster a master that is silent would keep the opens of others waiting.
    const isGathering = verb === 'open' ? this.unanswered > 0 && !this.shards.isCluster : waitMs > 0;
    const queue: Queue = { seed: this.shards.seed, all: [], isGathering, timer: undefined, size: 0 };
    this.queued.set(verb, queue);
    const flush = (): void => {
      if (this.queued.get(verb) === queue) this.flush(verb);
    };
    if (waitMs > 0) queue.timer = setTimeout(flush, waitMs);
    else if (!isGathering) setImmediate(flush);
    return queue;
  }

  private flushQueued(verb: QueuedVerb): void {
    if (this.queued.has(verb)) this.flush(verb);
  }

  /** Whether a change of this user's sessions waits in the queue of updates. */
  private isUpdated(userId: string): boolean {
    const updates = this.queued.get('update');
    return updates?.all.some((queued) => queued.userId === userId) ?? false;
  }

  private boundOf(verb: QueuedVerb): InFlight {
    return this.bounds[KINDS[verb]];
  }

  private flush(verb: QueuedVerb): void {
    // What acts on a session later never overtakes its open or update: one that is given up is opened, then detached (P7).
    if (verb !== 'open' && KINDS[verb] !== 'reads') this.flushQueued('open');
    if (verb === 'update') this.updatesSentAt = performance.now();
    else if (verb !== 'open') this.flushQueued('update');
    const { seed, all: queue, timer } = this.queued.get(verb) as Queue;
    clearTimeout(timer);
    this.queued.delete(verb);
    if (seed !== this.shards.seed) {
      this.refuse(verb, queue);
      return;
    }
    const groups = this.shards.isCluster ? byShard(queue, ({ items }) => (items[0] as Item).shard) : [queue];
    for (const group of groups) {
      let call: QueuedItems[] = [];
      let size = 0;
      for (const queued of group) {
        if (size > 0 && size + queued.items.length > ITEMS_PER_CALL[verb]) {
          this.send(verb, call);
          call = [];
          size = 0;
        }
        call.push(queued);
        size += queued.items.length;
      }
      this.send(verb, call);
    }
  }

  /** What was placed by a seed that is no more would be looked for elsewhere (P18). */
  private refuse(verb: QueuedVerb, queue: readonly QueuedItems[]): void {
    for (const { items, reject } of queue) {
      this.boundOf(verb).remove(items.length);
      reject(new StoreError('store_unavailable', 'Redis lost its data just now'));
    }
  }

  private send(verb: QueuedVerb, call: readonly QueuedItems[]): void {
    const items = call.flatMap((queued) => queued.items);
    const args: string[] = [];
    for (const item of items) for (const arg of item.args) args.push(arg);
    const users = items.map((item) => item.user).filter((user) => user !== undefined);
    const keys = this.shards.declaredKeys((items[0] as Item).shard, users);
    if (verb === 'open') this.unanswered += 1;
    this.shards.run(verb, keys, args).then(
      (replies) => {
        this.answered(verb, items.length);
        let at = 0;
        for (const queued of call) {
          queued.resolve(replies, at);
          at += queued.items.length;
        }
      },
      (error) => {
        this.answered(verb, items.length);
        for (const queued of call) queued.reject(error);
      },
    );
  }

  private answered(verb: QueuedVerb, items: number): void {
    this.boundOf(verb).remove(items);
    if (verb !== 'open') return;
    this.unanswered -= 1;
    if (this.unanswered === 0) this.flushQueued('open');
  }
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
