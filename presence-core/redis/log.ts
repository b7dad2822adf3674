/** Reading the change log (P11): one stream a shard, ids `epoch-sequence`. */
import type { Cluster, Redis } from 'ioredis';
import type { Change } from '../session.ts';
import { keptMs, type LogPage, type StoreLog } from '../store/log.ts';
import { chunks } from '../toolkit/chunks.ts';
import { SharedRead } from '../toolkit/single-flight.ts';
import { checkBrief, decodeBrief, encodeBrief, isBrief } from './brief-cursor.ts';
import { mastersOf, type RedisClient } from './connection.ts';
import { toStoreError } from './failures.ts';
import { logKey } from './keys.ts';
import { KnownEpochs } from './known-epochs.ts';
import { LogConnections } from './log-connections.ts';
import { decodeCursor, encodeCursor, type ShardPosition } from './log-cursor.ts';
import { LogPolling } from './log-polling.ts';
import type { RedisMark } from './mark.ts';
import type { RedisNodes } from './nodes.ts';
import { EPOCH_MARK, parseChange } from './rows.ts';
import { BLOCK_MAX_MS } from './timeouts.ts';

/** Shards that are asked together how far back they reach. */
const KEPT_AT_ONCE = 16;

/** Epochs are instants; these two stand for places in a log before any. */
const HEAD = 0;
const EMPTY = 1;

export interface RedisLogParts {
  readonly client: RedisClient;
  /** Makes a connection for one reader. */
  readonly connect: () => RedisClient;
  readonly prefixes: readonly string[];
  readonly nodes: Pick<RedisNodes, 'epochs' | 'hasKnownMasters'>;
  readonly mark: RedisMark;
  /** Entries that a shard keeps. */
  readonly logMax: number;
  readonly shardOf: (userId: string) => number;
}

export class RedisLog implements StoreLog {
  private readonly logKeys: string[];
  private readonly shards: readonly number[];
  private readonly shardOf: Map<string, number>;
  private readonly connections: LogConnections;
  /** On Cluster. */
  private readonly polling: LogPolling | undefined;
  private readonly parts: RedisLogParts;
  /** A fleet of dashboards that comes back asks for it together. */
  private readonly tails = new SharedRead((_: 'tail') => this.readTail());
  private readonly kept = new SharedRead((_: 'kept') => this.readKept());
  private readonly epochs: KnownEpochs;
  /** Of the newest page: who reads on comes with its cursor. */
  private newest: { readonly cursor: string; readonly positions: readonly ShardPosition[] } | undefined;

  constructor(parts: RedisLogParts) {
    this.parts = parts;
    this.epochs = new KnownEpochs(parts.nodes);
    this.connections = new LogConnections(parts.connect, parts.mark);
    const { client, prefixes } = parts;
    this.polling = client.isCluster ? new LogPolling(client as Cluster, prefixes) : undefined;
    this.logKeys = parts.prefixes.map(logKey);
    this.shards = [...prefixes.keys()];
    this.shardOf = new Map(this.logKeys.map((key, shard) => [key, shard]));
  }

  get strays(): number {
    return this.parts.mark.strays;
  }

  async tail(): Promise<string> {
    return encodeCursor(await this.tails.ask('tail'));
  }

  async head(): Promise<string> {
    return encodeCursor(this.logKeys.map(() => ({ epoch: HEAD, sequence: 0 })));
  }

  async upholds(cursor: string, shards: readonly number[] = this.shards): Promise<boolean> {
    return (await this.parts.nodes.hasKnownMasters()) && (await this.reaches(cursor, shards));
  }

  shorten(cursor: string): string {
    return encodeBrief(this.decode(cursor));
  }

  async resolve(text: string): Promise<string | undefined> {
    const shards = this.logKeys.length;
    if (!isBrief(text)) return decodeCursor(text, shards) && (await this.upholds(text)) ? text : undefined;
    checkBrief(text, shards);
    if (!(await this.parts.nodes.hasKnownMasters())) return undefined;
    const place = decodeBrief(text, await this.tails.ask('tail'));
    return place && encodeCursor(place.map((at) => (at.sequence === 0 ? { ...at, epoch: EMPTY } : at)));
  }

  keptMs(): Promise<number> {
    return this.kept.ask('kept');
  }

  shardsOf(userIds: readonly string[]): readonly number[] {
    return [...new Set(userIds.map(this.parts.shardOf))];
  }

  moved(cursor: string, place: string, shards: readonly number[]): string {
    const positions = [...this.decode(cursor)];
    const others = this.decode(place);
    for (const shard of shards) positions[shard] = others[shard] as ShardPosition;
    return encodeCursor(positions);
  }

  positions(cursor: string): readonly number[] {
    return this.decode(cursor).map((position) => position.sequence);
  }

  private decode(cursor: string): readonly ShardPosition[] {
    return cursor === this.newest?.cursor ? this.newest.positions : decodeCursor(cursor, this.logKeys.length);
  }

  /** Whether each shard's log reaches at least up to the cursor, in the cursor's epoch. */
  private async reaches(cursor: string, shards: readonly number[]): Promise<boolean> {
    const last = decodeCursor(await this.tail(), this.logKeys.length);
    const positions = this.decode(cursor);
    return shards.every((shard) => {
      const { epoch, sequence } = positions[shard] as ShardPosition;
      const end = last[shard] as ShardPosition;
      return sequence === 0 || (end.epoch === epoch && end.sequence >= sequence);
    });
  }

  /** A cursor of another epoch than the newest known has a gap even when nothing follows it. */
  async read(cursor: string, limit: number, waitMs: number, shards: readonly number[] = this.shards): Promise<LogPage> {
    const positions = [...this.decode(cursor)];
    const count = Math.ceil(limit / shards.length);
    const places = shards.map((shard) => ({
      shard,
      key: this.logKeys[shard] as string,
      after: idOf(positions[shard] as ShardPosition),
    }));
    const answer = await (this.polling
      ? this.polling.read(places, count, waitMs)
      : this.connections.read(places, count, Math.min(waitMs, BLOCK_MAX_MS)));
    // It was astray: what was read before is not to be trusted.
    if (!answer) return { changes: [], cursor, gap: true, more: false, asOf: Number.NEGATIVE_INFINITY };
    const { reply, asOf } = answer;
    const changes: Change[] = [];
    let more = false;
    let gap = shards.some((shard) => {
      const { epoch } = positions[shard] as ShardPosition;
      return epoch > EMPTY && epoch !== (this.epochs.of(shard) ?? epoch);
    });
    for (const [key, entries] of reply ?? []) {
      const shard = this.shardOf.get(key) as number;
      let at = positions[shard] as ShardPosition;
      if (entries.length >= count) more = true;
      for (const [id, fields] of entries) {
        const { epoch, sequence } = position(id);
        const follows =
          at.epoch === HEAD || (at.epoch === epoch || at.epoch === EMPTY ? sequence === at.sequence + 1 : false);
        if (!follows) gap = true;
        if (at.epoch !== epoch) this.epochs.passed(shard, at.epoch, epoch);
        at = { epoch, sequence };
        const text = fields[1] as string;
        if (text === EPOCH_MARK) continue;
        const change = parseChange(text, shard, sequence);
        if (change) changes.push(change);
        else gap = true;
      }
      positions[shard] = at;
    }
    const next = reply === null ? cursor : encodeCursor(positions);
    this.newest = { cursor: next, positions };
    return { changes, cursor: next, gap, more, asOf };
  }

  private async readTail(): Promise<readonly ShardPosition[]> {
    const last = await this.lastEntries().catch((error) => {
      throw toStoreError(error);
    });
    return last.map(([newest], shard) => {
      if (!newest) return { epoch: EMPTY, sequence: 0 };
      const at = position(newest[0]);
      this.epochs.saw(shard, at.epoch);
      return at;
    });
  }

  private async readKept(): Promise<number> {
    const { client, logMax } = this.parts;
    try {
      const now = await this.timeMs();
      let shortest = Number.POSITIVE_INFINITY;
      for (const keys of chunks(this.logKeys, KEPT_AT_ONCE)) {
        const ages = await Promise.all(
          keys.map(async (key) => {
            const [entries, length] = await Promise.all([client.xrange(key, '-', '+', 'COUNT', 1), client.xlen(key)]);
            const [id, fields] = entries[0] ?? [];
            return id && fields ? keptMs(now - timeOf(id, fields[1] as string), length, logMax) : shortest;
          }),
        );
        shortest = Math.min(shortest, ...ages);
      }
      return shortest;
    } catch (error) {
      throw toStoreError(error);
    }
  }

  /** By Redis' clock (P2): on Cluster one master's. */
  private async timeMs(): Promise<number> {
    const node = mastersOf(this.parts.client)[0] as Redis;
    const [seconds, micros] = await node.time();
    return Number(seconds) * 1_000 + Math.floor(Number(micros) / 1_000);
  }

  /** On Cluster one by one, as their shards are at several masters; else written at one go. */
  private async lastEntries(): Promise<[string, string[]][][]> {
    if (this.parts.client.isCluster) {
      return Promise.all(this.logKeys.map((key) => this.parts.client.xrevrange(key, '+', '-', 'COUNT', 1)));
    }
    const pipeline = this.parts.client.pipeline();
    for (const key of this.logKeys) pipeline.xrevrange(key, '+', '-', 'COUNT', 1);
    const replies = await pipeline.exec();
    return (replies ?? []).map(([error, entries]) => {
      if (error) throw error;
      return entries as [string, string[]][];
    });
  }

  stop(): void {
    this.connections.stop();
  }
}

/** Redis numbers the entries of an epoch from 0, sequences count from 1: 0 is the place before the first. */
export function position(id: string): ShardPosition {
  const [epoch, index] = id.split('-');
  return { epoch: Number(epoch), sequence: Number(index) + 1 };
}

/** The id of the entry at this position, or one before any that follows. */
function idOf({ epoch, sequence }: ShardPosition): string {
  if (sequence > 0) return `${epoch}-${sequence - 1}`;
  return epoch > HEAD ? `${epoch - 1}-${2n ** 64n - 1n}` : '0-0';
}

/** When an entry was written: a mark tells it by its epoch. */
function timeOf(id: string, text: string): number {
  return text === EPOCH_MARK ? position(id).epoch : Number(text.split('|', 5)[4]);
}
