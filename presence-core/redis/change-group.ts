/**
 * Members that share the log (P17): one consumer group on each shard's stream. Redis keeps what each member was given
 * and has not acknowledged, so that nothing is lost with a member; the verb `take` makes the group where Redis forgot it.
 */
import type { ChangeSource, TakenEntries } from '../change-group.ts';
import type { Change } from '../session.ts';
import { chunks } from '../toolkit/chunks.ts';
import type { RedisClient } from './connection.ts';
import { toStoreError, type Warn } from './failures.ts';
import { logKey } from './keys.ts';
import { position } from './log.ts';
import { EPOCH_MARK, parseChange } from './rows.ts';
import type { RedisShards } from './shards.ts';

/** Entries of one call: some 4 ms of Redis. A larger share is taken by several, one after the other. */
const CHANGES_PER_CALL = 1_000;
/** Ids of one XACK: some 0.3 ms of Redis. */
const IDS_PER_ACK = 500;
/** A member that has not asked for so long is gone; one that has not left by itself leaves a trace of 200 bytes. */
const GONE_MS = 3_600_000;

export interface ChangeGroupOptions {
  readonly name: string;
  readonly member: string;
  readonly claimMs: number;
  /** Entries that a shard keeps. */
  readonly logMax: number;
  readonly warn: Warn;
}

/** Entries of a shard that were taken. */
interface ShardEntries {
  readonly shard: number;
  readonly ids: string[];
}

export class RedisChangeGroup implements ChangeSource {
  private readonly client: RedisClient;
  private readonly shards: RedisShards;
  private readonly options: ChangeGroupOptions;
  private pruned = false;
  private warned = false;

  constructor(client: RedisClient, shards: RedisShards, options: ChangeGroupOptions) {
    this.client = client;
    this.shards = shards;
    this.options = options;
  }

  async acknowledge(taken: TakenEntries): Promise<void> {
    const acks = (taken.receipt as readonly ShardEntries[]).flatMap(({ shard, ids }) =>
      chunks(ids, IDS_PER_ACK).map((some) =>
        this.client.xack(logKey(this.shards.prefixOf(shard)), this.options.name, ...some),
      ),
    );
    await Promise.all(acks).catch((error) => {
      throw toStoreError(error);
    });
  }

  leave(): Promise<void> {
    return this.prune(this.options.member);
  }

  async take(limit: number): Promise<TakenEntries> {
    const { name, member, claimMs, logMax } = this.options;
    // Members come rarely, so each that comes removes those that went without leaving.
    if (!this.pruned) await this.prune('');
    this.pruned = true;
    const count = Math.min(Math.ceil(limit / this.shards.prefixes.length), CHANGES_PER_CALL);
    const groups = this.groups('take', Math.floor(CHANGES_PER_CALL / Math.max(1, count)));
    const replies = await this.forAll<string[]>('take', groups, [name, member, String(count), String(claimMs)]);
    const changes: Change[] = [];
    const receipt: ShardEntries[] = [];
    let [lost, backlog] = [0, 0];
    for (const { shard, reply } of replies) {
      const [missed, open] = (reply[0] as string).split('|').map(Number) as [number, number];
      lost += missed;
      backlog = Math.max(backlog, open);
      if (reply.length === 1) continue;
      const ids: string[] = [];
      for (let i = 1; i < reply.length; i += 2) {
        const [id, text] = reply.slice(i, i + 2) as [string, string];
        ids.push(id);
        if (text === EPOCH_MARK) continue;
        const change = parseChange(text, shard, position(id).sequence);
        if (change) changes.push(change);
        else lost += this.malformed(shard, id);
      }
      receipt.push({ shard, ids });
    }
    return { changes, lost, backlog: Math.min(1, backlog / logMax), receipt };
  }

  /** It is acknowledged with the rest, so that it comes but once. */
  private malformed(shard: number, id: string): number {
    if (!this.warned) this.options.warn('the log has an entry that is no change: passed over', { shard, id });
    this.warned = true;
    return 1;
  }

  private async prune(leaving: string): Promise<void> {
    await this.forAll<number>('prune', this.groups('prune'), [this.options.name, leaving, String(GONE_MS)]);
  }

  /** Shards of one call each. @param most in one call. */
  private groups(verb: 'take' | 'prune', most = Number.POSITIVE_INFINITY): number[][] {
    return this.shards.groups(verb, this.shards.all).flatMap((group) => chunks(group, Math.min(most, group.length)));
  }

  /** What a part of a Cluster answered counts although another part did not: it is given to this member already. */
  private async forAll<Reply>(
    verb: 'take' | 'prune',
    groups: readonly (readonly number[])[],
    common: readonly string[],
  ): Promise<{ shard: number; reply: Reply }[]> {
    const call = async (shards: readonly number[]): Promise<{ shard: number; reply: Reply }[]> => {
      const replies = await this.shards.runEach<Reply | Error>(verb, common, shards);
      return replies.flatMap((reply, i) => {
        // A log that cannot be read keeps nobody from the others.
        if (reply instanceof Error) this.shards.failed(reply);
        return reply instanceof Error ? [] : [{ shard: shards[i] as number, reply }];
      });
    };
    const calls = await (this.shards.isCluster ? Promise.allSettled(groups.map(call)) : inTurn(groups, call));
    const answered = calls.flatMap((call) => (call.status === 'fulfilled' ? call.value : []));
    const failed = calls.find((call) => call.status === 'rejected');
    if (answered.length === 0 && failed) throw toStoreError(failed.reason);
    return answered;
  }
}

/** One after the other, so that what else waits for this Redis goes between them; until one fails. */
async function inTurn<T, R>(list: readonly T[], act: (one: T) => Promise<R>): Promise<PromiseSettledResult<R>[]> {
  const done: PromiseSettledResult<R>[] = [];
  for (const one of list) {
    const [result] = (await Promise.allSettled([act(one)])) as [PromiseSettledResult<R>];
    done.push(result);
    if (result.status === 'rejected') break;
  }
  return done;
}
