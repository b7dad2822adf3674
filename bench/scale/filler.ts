/**
 * Fills a Redis with live sessions as the verbs would write them, without the verbs: ten million in minutes. All that the
 * bench knows of the layout of keys is in this file (`presence-core/redis/lua/parts/prelude.lua` lists them), and
 * `tests/integration/bench-filler.test.ts` compares what it writes with what the verbs write.
 */
import { Redis } from 'ioredis';
import type { Attributes } from '../../presence-core/index.ts';
import { configKey, countsKey, logKey, placeOf, shardPrefix, userKeys } from '../../presence-core/redis/keys.ts';
import { ownerText } from '../../presence-core/redis/rows.ts';
import { RedisPipe } from './redis-pipe.ts';
import { isSecond, type StreamOf, scaleSession, scaleUser } from './scale-sessions.ts';

export interface FillOrder {
  /** Number of the first session; not that of a user's second one. */
  readonly from: number;
  readonly count: number;
  readonly streamOf: StreamOf;
  /** Who holds the session. */
  readonly nodeOf: (number: number) => string;
  /** When it was opened, by the store's clock. */
  readonly openedAt: (number: number) => number;
  /** Filed as long ones are: the sweep looks at the bucket, not at the session. */
  readonly leaseMs: number;
}

/** In the order in which they are written, the log the last. It has what it would have kept, the newest. */
export const STAGES = ['sessions', 'counts', 'log'] as const;
export type Stage = (typeof STAGES)[number];

/** Of users without a limit of their own. */
const LIMIT = '3';
const ONE_SESSION = 1_000_000_000;
/** Counts that are kept here until they are added in Redis. */
const COUNTS_HELD = 500_000;

export interface FillerOptions {
  readonly port: number;
  readonly prefix: string;
  readonly shards: number;
  /** Entries that a shard's log keeps. */
  readonly logMax: number;
}

/** Where the session of a number is. */
interface Filled {
  readonly number: number;
  readonly userId: string;
  readonly K: string;
  readonly shard: number;
  readonly bucket: string;
  /** Of its entry in the log. */
  readonly sequence: number;
}

export class Filler {
  private readonly options: FillerOptions;
  private readonly prefixes: readonly string[];
  private seed = 0;
  private epochs: readonly string[] = [];
  /** Of each shard, that of the last entry in its log before the fill. */
  private sequences: readonly number[] = [];

  private constructor(options: FillerOptions) {
    this.options = options;
    this.prefixes = Array.from({ length: options.shards }, (_, shard) => shardPrefix(options.prefix, shard));
  }

  /** Of a deployment that a node has joined. */
  static async of(options: FillerOptions): Promise<Filler> {
    const filler = new Filler(options);
    const redis = new Redis(options.port);
    const layout = await redis.hget(configKey(options.prefix), 'layout');
    filler.seed = Number.parseInt(/seed ([0-9a-f]+)/.exec(layout ?? '')?.[1] ?? '0', 16);
    const epochs = await Promise.all(filler.prefixes.map((K) => redis.hget(`${K}shard`, 'epoch')));
    if (epochs.includes(null)) throw new Error('no node has joined the deployment yet');
    filler.epochs = epochs as string[];
    redis.disconnect();
    return filler;
  }

  /** @param after told when a stage is in Redis. */
  async fill(
    order: FillOrder,
    stages: readonly Stage[] = STAGES,
    after?: (stage: Stage) => Promise<void>,
  ): Promise<void> {
    this.sequences = await this.lastSequences();
    const totals = this.totalsOf(order);
    for (const stage of stages) {
      const pipe = new RedisPipe(this.options.port);
      await this.write(stage, order, totals, pipe);
      await pipe.end();
      await after?.(stage);
    }
  }

  /** Users who were last seen at an instant, and are not online. */
  async fillLastSeen(userIds: Iterable<string>, at: number): Promise<void> {
    const pipe = new RedisPipe(this.options.port);
    for (const userId of userIds) {
      const { shard } = placeOf(userId, this.options.shards, this.seed);
      pipe.write(['ZADD', `${this.prefixes[shard]}seen`, String(at), userId]);
      await pipe.drained();
    }
    await pipe.end();
  }

  private async lastSequences(): Promise<number[]> {
    const redis = new Redis(this.options.port);
    const last = await Promise.all(this.prefixes.map((K) => redis.xrevrange(logKey(K), '+', '-', 'COUNT', 1)));
    redis.disconnect();
    return last.map(([entry]) => (entry ? Number(entry[0].split('-')[1]) + 1 : 0));
  }

  private async write(stage: Stage, order: FillOrder, totals: readonly number[], pipe: RedisPipe): Promise<void> {
    if (stage === 'sessions') return this.writeSessions(order, pipe);
    return stage === 'counts' ? this.writeCounts(order, pipe) : this.writeLog(order, totals, pipe);
  }

  private async writeSessions(order: FillOrder, pipe: RedisPipe): Promise<void> {
    const dueAt = new Map<string, number>();
    const held = new Map<string, number>();
    for (const { number, userId, K, bucket, sequence } of this.filled(order)) {
      const { sessionId, attributes } = scaleSession(number, order.streamOf);
      const openedAt = order.openedAt(number);
      const nodeId = order.nodeOf(number);
      const owner = ownerText({ nodeId, connection: number });
      const row = [owner, LIMIT, openedAt, 0, 0, sequence, textOf(attributes), attributes.deviceId, ''];
      const expiresAt = openedAt + order.leaseMs;
      const [set, rows] = userKeys(K, userId, bucket);
      pipe.write(['ZADD', set, String(expiresAt), sessionId]);
      pipe.write(['HSET', rows, `${userId} ${sessionId}`, row.join('|')]);
      held.set(`${K} ${nodeId}`, (held.get(`${K} ${nodeId}`) ?? 0) + 1);
      const due = `${K} ${bucket}`;
      if (expiresAt < (dueAt.get(due) ?? Number.POSITIVE_INFINITY)) dueAt.set(due, expiresAt);
      await pipe.drained();
    }
    for (const [due, at] of dueAt) {
      const [K, bucket] = due.split(' ') as [string, string];
      pipe.write(['ZADD', `${K}due`, 'LT', String(at), bucket]);
      // On one Redis all shards have their home at the first.
      pipe.write(['ZADD', `${this.prefixes[0]}sweep`, 'XX', 'LT', String(at), K]);
      await pipe.drained();
    }
    for (const [place, count] of held) {
      const [K, generation] = place.split(' ') as [string, string];
      pipe.write(['HINCRBY', `${K}held`, generation, String(count)]);
      await pipe.drained();
    }
  }

  private async writeCounts(order: FillOrder, pipe: RedisPipe): Promise<void> {
    const counts = new Map<string, Map<string, number>>(this.prefixes.map((K) => [K, new Map()]));
    let held = 0;
    const flush = async (): Promise<void> => {
      for (const [K, fields] of counts) {
        for (const [field, count] of fields) {
          pipe.write(['HINCRBY', countsKey(K), field, String(count)]);
          await pipe.drained();
        }
        fields.clear();
      }
      held = 0;
    };
    for (const { number, K } of this.filled(order)) {
      const { attributes } = scaleSession(number, order.streamOf);
      const fields = counts.get(K) as Map<string, number>;
      const first = isSecond(number) ? scaleSession(number - 1, order.streamOf).attributes : undefined;
      const add = (field: string, isCounted: boolean): void => {
        const count = fields.get(field);
        if (count === undefined) held++;
        fields.set(field, (count ?? 0) + ONE_SESSION + (isCounted ? 0 : 1));
      };
      add('t', first !== undefined);
      for (const [name, keyOf] of COUNTED) {
        const key = keyOf(attributes);
        add(name + key, first !== undefined && keyOf(first) === key);
      }
      if (held >= COUNTS_HELD) await flush();
    }
    await flush();
  }

  private async writeLog(order: FillOrder, totals: readonly number[], pipe: RedisPipe): Promise<void> {
    const { logMax } = this.options;
    for (const { number, userId, K, shard, sequence } of this.filled(order)) {
      if (sequence <= (totals[shard] as number) - logMax) continue;
      const { sessionId, attributes } = scaleSession(number, order.streamOf);
      const [openedAt, transition] = [order.openedAt(number), isSecond(number) ? '' : '+'];
      const beginning = ['o', userId, sessionId, 's', openedAt, openedAt, 0, 0, textOf(attributes), transition, ''];
      // Of nothing previous; then the device, and no meta.
      const entry = [...beginning, '', '', '', '', '', '', attributes.deviceId, ''];
      const id = `${this.epochs[shard]}-${sequence - 1}`;
      pipe.write(['XADD', logKey(K), 'MAXLEN', '~', String(logMax), id, 'c', entry.join('|')]);
      await pipe.drained();
    }
  }

  private *filled({ from, count }: FillOrder): Generator<Filled> {
    const sequences = [...this.sequences];
    for (let number = from; number < from + count; number++) {
      const userId = scaleUser(number);
      const { shard, bucket } = placeOf(userId, this.options.shards, this.seed);
      const sequence = (sequences[shard] as number) + 1;
      sequences[shard] = sequence;
      yield { number, userId, K: this.prefixes[shard] as string, shard, bucket, sequence };
    }
  }

  /** Of each shard, the sequence of its last entry when all are written. */
  private totalsOf(order: FillOrder): number[] {
    const totals = [...this.sequences];
    for (const { shard, sequence } of this.filled(order)) totals[shard] = sequence;
    return totals;
  }
}

function textOf({ streamId, deviceType, country, state }: Attributes): string {
  return `${streamId}|${deviceType}|${country}|${state}`;
}

/** What is counted beside the total: prefix of the count's field, and the rest of it. */
const COUNTED: readonly (readonly [string, (attributes: Attributes) => string])[] = [
  ['s:', ({ streamId }) => streamId as string],
  ['d:', ({ deviceType }) => deviceType as string],
  ['c:', ({ country }) => country as string],
  ['l:', ({ country, state }) => `${country}/${state}`],
];
