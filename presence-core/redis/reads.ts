/** Reads of Redis (P1, P12, P15). Nothing here writes. */
import { byAge } from '../admission.ts';
import type * as api from '../store/reads.ts';
import { SharedRead } from '../toolkit/single-flight.ts';
import type { RedisClient } from './connection.ts';
import { countOf, fieldOf } from './counts.ts';
import type { RedisFailures } from './failures.ts';
import type { ItemQueue } from './item-queue.ts';
import { userSetKey } from './keys.ts';
import { parseLine } from './rows.ts';
import type { RedisShards } from './shards.ts';
import { RedisTops } from './tops.ts';

export interface RedisReadsParts {
  readonly client: RedisClient;
  readonly shards: RedisShards;
  readonly queue: ItemQueue;
  readonly failures: RedisFailures;
  /** Told as `max` of users without an override and without sessions. */
  readonly defaultLimit: number;
}

export class RedisReads implements api.StoreReads {
  private readonly parts: RedisReadsParts;
  private readonly totals = new SharedRead((field: string) => this.sumOf(field));
  private readonly tops: RedisTops;

  constructor(parts: RedisReadsParts) {
    this.parts = parts;
    this.tops = new RedisTops(parts.client, parts.shards.prefixes);
  }

  async status(userIds: readonly string[]): Promise<api.UserStatus[]> {
    const { queue } = this.parts;
    const items = userIds.map((userId) => queue.itemOf(userId, (prefix) => [userSetKey(prefix, userId)]));
    const found = await queue.addAll<number | string>('status', items);
    return userIds.map((userId, i) => {
      // Online: the store's now, and the number of sessions without the presence-only mark. Offline: when last live.
      const reply = found[i] as number | string;
      if (typeof reply === 'number') {
        return { userId, online: true, sessions: reply % 1_000, lastSeenAt: Math.floor(reply / 1_000) };
      }
      return { userId, online: false, sessions: 0, lastSeenAt: reply ? Math.ceil(Number(reply)) : null };
    });
  }

  async sessions(userIds: readonly string[]): Promise<api.UserSessions[]> {
    const { queue, defaultLimit } = this.parts;
    const items = userIds.map((userId) => queue.itemOf(userId, (prefix, bucket, user) => [prefix, user, bucket]));
    const replies = await queue.addAll<string[]>('sessions', items);
    return userIds.map((userId, i) => {
      const [override, ...lines] = replies[i] as string[];
      const found = lines.map((text) => parseLine(userId, text)).filter((line) => line.session.via !== 'presence');
      found.sort((a, b) => byAge(a.session, b.session));
      const max = override ? Number(override) : (found.at(-1)?.limit ?? defaultLimit);
      return { userId, max, sessions: found.map((line) => line.session) };
    });
  }

  counts(dimensions: readonly api.Dimension[]): Promise<api.Count[]> {
    return Promise.all(dimensions.map((dimension) => this.totals.ask(fieldOf(dimension))));
  }

  private async sumOf(field: string): Promise<api.Count> {
    const { queue, shards } = this.parts;
    const items = shards.prefixes.map((prefix, shard) => ({ shard, args: [prefix, field] }));
    const parts = await queue.addAll<string>('counts', items);
    const total = { users: 0, sessions: 0 };
    for (const part of parts) {
      const { users, sessions } = countOf(part);
      total.users += users;
      total.sessions += sessions;
    }
    return total;
  }

  async top(by: api.TopBy, limit: number): Promise<api.TopItem[]> {
    const items = await this.parts.failures.guard(this.tops.top(by, limit));
    // It is read without a verb: whether the store forgot meanwhile, which the totals' own tells (P10).
    await this.totals.ask(fieldOf({ by: 'total' }));
    return items;
  }
}
