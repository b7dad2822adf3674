/**
 * Clicks and impressions by the hour in Redis (P16): a HyperLogLog of users and a hash of hits, each key in a slot of
 * its own on Cluster. Events of one turn of the event loop go as one batch an hour. Bounds what is in flight (P14).
 */
import { randomBytes } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { hourOf, hoursKept, keptUntil } from '../analytics-hour.ts';
import type { CountedEvent, EventKind, HourCounts, HourRecord, StoreAnalytics } from '../store/analytics.ts';
import { chunks } from '../toolkit/chunks.ts';
import { SharedRead } from '../toolkit/single-flight.ts';
import type { RedisClient } from './connection.ts';
import type { RedisFailures } from './failures.ts';
import { InFlight } from './in-flight.ts';
import { hitsKey, uniqueUsersKey } from './keys.ts';

/** Users of one PFADD: some 0.3 ms of Redis. */
const USERS_PER_CALL = 1_000;
/** Field of the hits that says which hash this is: another one was begun when Redis forgot. */
const GENERATION = 'generation';
/** Events; ~10 MB of user ids at the most. */
const MAX_IN_FLIGHT = 50_000;

interface Batch {
  readonly hourAt: number;
  readonly users: Set<string>;
  readonly hits: Record<EventKind, number>;
  /** Of all its events alike. */
  readonly sent: Promise<void>;
}

export class RedisAnalytics implements StoreAnalytics {
  private readonly client: RedisClient;
  private readonly prefix: string;
  private readonly failures: RedisFailures;
  /** By hour; what this turn has gathered. */
  private readonly gathering = new Map<number, Batch>();
  private readonly inFlight = new InFlight(MAX_IN_FLIGHT);
  private readonly allHours = new SharedRead((_: 'hours') => this.readHours());

  constructor(client: RedisClient, prefix: string, failures: RedisFailures) {
    this.client = client;
    this.prefix = prefix;
    this.failures = failures;
  }

  async count({ userId, kind, at }: CountedEvent): Promise<void> {
    await this.inFlight.during(1, () => {
      const hourAt = hourOf(at);
      const batch = this.gathering.get(hourAt) ?? this.batch(hourAt);
      batch.users.add(userId);
      batch.hits[kind]++;
      return this.failures.guard(batch.sent);
    });
  }

  hours(): Promise<HourCounts[]> {
    return this.allHours.ask('hours');
  }

  private async readHours(): Promise<HourCounts[]> {
    const reads = hoursKept(Date.now()).map((hourAt) => this.counts(hourAt));
    const hours = await this.failures.guard(Promise.all(reads));
    return hours.filter((hour) => hour !== null);
  }

  hour(at: number): Promise<HourRecord | null> {
    return this.failures.guard(this.read(at));
  }

  private async read(at: number): Promise<HourRecord | null> {
    const counts = await this.counts(hourOf(at));
    if (counts === null) return null;
    // Read after the hits, and written before them: it knows of every hit's user.
    const users = await this.client.getBuffer(uniqueUsersKey(this.prefix, counts.hourAt));
    return { ...counts, users: users ?? new Uint8Array() };
  }

  private async counts(hourAt: number): Promise<HourCounts | null> {
    const fields = await this.client.hmget(hitsKey(this.prefix, hourAt), GENERATION, 'click', 'impression');
    const [generation, clicks, impressions] = fields;
    return generation
      ? { hourAt, generation, clicks: Number(clicks ?? 0), impressions: Number(impressions ?? 0) }
      : null;
  }

  private batch(hourAt: number): Batch {
    const batch: Batch = {
      hourAt,
      users: new Set(),
      hits: { click: 0, impression: 0 },
      sent: nextTurn().then(() => this.send(batch)),
    };
    this.gathering.set(hourAt, batch);
    return batch;
  }

  private async send({ hourAt, users, hits }: Batch): Promise<void> {
    this.gathering.delete(hourAt);
    const uniqueKey = uniqueUsersKey(this.prefix, hourAt);
    const key = hitsKey(this.prefix, hourAt);
    const kinds = (['click', 'impression'] as const).filter((kind) => hits[kind] > 0);
    await Promise.all([
      ...chunks([...users], USERS_PER_CALL).map((some) => this.client.pfadd(uniqueKey, ...some)),
      this.client.pexpireat(uniqueKey, keptUntil(hourAt)),
    ]);
    await Promise.all([
      this.client.hsetnx(key, GENERATION, randomBytes(8).toString('hex')),
      ...kinds.map((kind) => this.client.hincrby(key, kind, hits[kind])),
      this.client.pexpireat(key, keptUntil(hourAt)),
    ]);
  }
}
