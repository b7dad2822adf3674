/** Reads of Redis (P1, P12, P15). Nothing here writes. */
import { byAge } from '../admission.ts';
import type * as api from '../store/reads.ts';
import { SharedRead } from '../toolkit/single-flight.ts';
import { byCount } from '../top-of.ts';
import type { RedisCalls } from './calls.ts';
import type { RedisClient } from './connection.ts';
import type { RedisFailures } from './failures.ts';
import { userSetKey } from './keys.ts';
import { parseLine } from './rows.ts';

export class RedisReads implements api.StoreReads {
  private readonly client: RedisClient;
  private readonly calls: RedisCalls;
  private readonly failures: RedisFailures;
  private readonly defaultLimit: number;
  private readonly totals = new SharedRead((field: string) => this.total(field));
  private readonly rankings = new SharedRead((by: api.TopBy) => this.rank(by));

  constructor(client: RedisClient, calls: RedisCalls, failures: RedisFailures, defaultLimit: number) {
    this.client = client;
    this.calls = calls;
    this.failures = failures;
    this.defaultLimit = defaultLimit;
  }

  async status(userIds: readonly string[]): Promise<api.UserStatus[]> {
    const now = Date.now();
    const found = await this.calls.list<number | string>(
      'status',
      userIds.map((userId) => this.calls.itemOf(userId, (K) => [userSetKey(K, userId)])),
    );
    return userIds.map((userId, i) => {
      // Online: the number of sessions, without the presence-only mark. Offline: when the user was last live.
      const reply = found[i] as number | string;
      if (typeof reply === 'number') return { userId, online: true, sessions: reply, lastSeenAt: now };
      return { userId, online: false, sessions: 0, lastSeenAt: reply ? Math.floor(Number(reply)) : null };
    });
  }

  async sessions(userIds: readonly string[]): Promise<api.UserSessions[]> {
    const items = userIds.map((userId) => this.calls.itemOf(userId, (K, bucket) => [K, userId, bucket]));
    const replies = await this.calls.list<string[]>('sessions', items);
    return userIds.map((userId, i) => {
      const [override, ...lines] = replies[i] as string[];
      const found = lines.map((text) => parseLine(userId, text)).filter((line) => line.session.via !== 'presence');
      found.sort((a, b) => byAge(a.session, b.session));
      const max = override ? Number(override) : (found.at(-1)?.limit ?? this.defaultLimit);
      return { userId, max, sessions: found.map((line) => line.session) };
    });
  }

  counts(dimensions: readonly api.Dimension[]): Promise<api.Count[]> {
    return Promise.all(dimensions.map((dimension) => this.totals.ask(fieldOf(dimension))));
  }

  private async total(field: string): Promise<api.Count> {
    const items = this.calls.prefixes.map((K, shard) => ({ shard, args: [K, field] }));
    const parts = await this.calls.list<string>('count', items);
    const total = { users: 0, sessions: 0 };
    for (const part of parts) {
      const { users, sessions } = countOf(part);
      total.users += users;
      total.sessions += sessions;
    }
    return total;
  }

  async top(by: api.TopBy, limit: number): Promise<api.TopItem[]> {
    return (await this.failures.guard(this.rankings.ask(by))).slice(0, limit);
  }

  /** All of them, the most watched first. Reads every count of every shard. */
  private async rank(by: api.TopBy): Promise<api.TopItem[]> {
    const prefix = COUNT_PREFIX[by];
    const totals = new Map<string, { key: string; users: number; sessions: number }>();
    const tables = await Promise.all(this.calls.prefixes.map((K) => this.client.hgetall(`${K}n`)));
    for (const table of tables) {
      for (const [field, text] of Object.entries(table)) {
        if (!field.startsWith(prefix)) continue;
        const key = field.slice(prefix.length);
        const { users, sessions } = countOf(text);
        const total = totals.get(key);
        if (total) {
          total.users += users;
          total.sessions += sessions;
        } else {
          totals.set(key, { key, users, sessions });
        }
      }
    }
    return [...totals.values()].sort(byCount);
  }
}

const COUNT_PREFIX = { stream: 's:', deviceType: 'd:', country: 'c:', state: 'l:' } as const;

function fieldOf(d: api.Dimension): string {
  if (d.by === 'total') return 't';
  if (d.by === 'state') return `l:${d.country}/${d.state}`;
  return COUNT_PREFIX[d.by] + d.key;
}

/** Stored as sessions * 1e9 + users. */
function countOf(text: string): api.Count {
  const value = Number(text);
  return { users: value % 1e9, sessions: Math.floor(value / 1e9) };
}
