/** PresenceStore over Redis: one Redis, Sentinel or Cluster. Truth and time are Redis' own (P1, P2). */
import { ChangeGroupMember } from '../change-group.ts';
import { placeOf } from '../keys.ts';
import { decodeCursor } from '../log-cursor.ts';
import type * as api from '../presence-store.ts';
import type { Displaced } from '../session.ts';
import { RedisAnalytics } from './analytics.ts';
import { RedisCalls, unavailable } from './calls.ts';
import { RedisChangeGroup } from './change-group.ts';
import { connectRedis, parseRedisUrl, type RedisClient, ready } from './connection.ts';
import { RedisDeployment } from './deployment.ts';
import { RedisInbox } from './inbox.ts';
import { RedisLog } from './log.ts';
import { RedisMasters } from './masters.ts';
import { RedisNodes } from './nodes.ts';
import { type Facet, RedisReads } from './reads.ts';
import { defineVerbs } from './scripts.ts';
import { checkServer } from './server-check.ts';
import { readServers } from './server-info.ts';
import { RedisActs } from './sessions.ts';

export interface RedisStoreOptions {
  readonly url: string;
  readonly prefix?: string;
  /** Fixed for a deployment: another number is refused at start. */
  readonly shards?: number;
  readonly defaultLimit?: number;
  readonly tombstoneMs?: number;
  readonly seenTtlMs?: number;
  /** Per shard. */
  readonly seenMax?: number;
  /** Entries per shard, trimmed in blocks. */
  readonly logMax?: number;
  readonly stallGraceMs?: number;
  /** A shard swept by any node within this time is passed over. */
  readonly sweepGapMs?: number;
  /** What a member of a change group was given and has not acknowledged for so long goes to another (P17). */
  readonly claimMs?: number;
  /** Told of what an operator should know; never per request. */
  readonly warn?: (message: string, details?: Record<string, unknown>) => void;
}

const READY_WAIT_MS = 3_000;

export class RedisStore implements api.PresenceStore {
  readonly kind = 'redis';
  private readonly options: Required<RedisStoreOptions>;
  private readonly client: RedisClient;
  private readonly calls: RedisCalls;
  private readonly log: RedisLog;
  private readonly inbox: RedisInbox;
  private readonly hours: RedisAnalytics;
  private readonly deployment: RedisDeployment;
  private readonly nodes: RedisNodes;
  private readonly acts: RedisActs;
  private readonly reads: RedisReads;
  private lastWarning = '';

  constructor(options: RedisStoreOptions) {
    this.options = {
      prefix: 'presence',
      shards: 64,
      defaultLimit: 3,
      tombstoneMs: 600_000,
      seenTtlMs: 86_400_000,
      seenMax: 100_000,
      logMax: 20_000,
      stallGraceMs: 30_000,
      sweepGapMs: 500,
      claimMs: 8_000,
      warn: () => {},
      ...options,
    };
    const { url, prefix, shards } = this.options;
    this.client = this.connection(false);
    defineVerbs(this.client, {
      LOG_MAX: this.options.logMax,
      TOMB_MS: this.options.tombstoneMs,
      SEEN_TTL_MS: this.options.seenTtlMs,
      SEEN_MAX: this.options.seenMax,
      STALL_GRACE_MS: this.options.stallGraceMs,
    });
    this.calls = new RedisCalls(this.client, prefix, shards, (error) => this.warnOnce(error));
    const reader = (): RedisClient => this.connection(true);
    this.reads = new RedisReads(this.client, this.calls, this.options.defaultLimit);
    this.acts = new RedisActs(this.calls, this.options.defaultLimit);
    const masters = new RedisMasters(this.client, this.calls.prefixes);
    this.deployment = new RedisDeployment(this.client, prefix, shards);
    this.nodes = new RedisNodes(this.calls, {
      sweepGapMs: this.options.sweepGapMs,
      runIds: () => this.bounded(masters.runIds()),
      // An emptied Redis has lost the deployment's secret too.
      forgot: () => this.bounded(this.deployment.check()),
    });
    this.log = new RedisLog(this.client, reader, this.calls.prefixes);
    this.inbox = new RedisInbox(this.client, reader, prefix);
    this.hours = new RedisAnalytics(this.client, prefix);
    parseRedisUrl(url);
  }

  async start(): Promise<void> {
    await ready(this.client, READY_WAIT_MS);
    await this.bounded(checkServer(this.client, this.options.warn));
    await this.bounded(this.deployment.check());
  }

  async stop(): Promise<void> {
    this.inbox.stop();
    this.log.stop();
    this.client.disconnect();
  }

  async ping(): Promise<void> {
    await this.bounded(this.deployment.ping());
  }

  secret(): string {
    return this.deployment.secret;
  }

  open(request: api.OpenRequest): Promise<api.OpenResult> {
    return this.acts.open(request);
  }

  renew(requests: readonly api.RenewRequest[]): Promise<api.RenewResult[]> {
    return this.acts.renew(requests);
  }

  update(request: api.UpdateRequest): Promise<api.UpdateResult> {
    return this.acts.update(request);
  }

  detach(requests: readonly api.OwnedRef[], graceMs: number): Promise<api.DetachResult[]> {
    return this.acts.detach(requests, graceMs);
  }

  close(request: api.CloseRequest): Promise<api.CloseResult> {
    return this.acts.close(request);
  }

  kick(userId: string): Promise<readonly Displaced[]> {
    return this.acts.kick(userId);
  }

  status(userIds: readonly string[]): Promise<api.UserStatus[]> {
    return this.reads.status(userIds);
  }

  sessions(userIds: readonly string[]): Promise<api.UserSessions[]> {
    return this.reads.sessions(userIds);
  }

  counts(dimensions: readonly api.Dimension[]): Promise<api.Count[]> {
    return this.reads.counts(dimensions);
  }

  top(by: Facet, limit: number): Promise<api.TopItem[]> {
    return this.bounded(this.reads.top(by, limit));
  }

  async limitOverride(userId: string): Promise<number | null> {
    const text = await this.bounded(this.client.hget(this.limitKey(userId), userId));
    return text === null ? null : Number(text);
  }

  async setLimitOverride(userId: string, max: number | null): Promise<void> {
    const key = this.limitKey(userId);
    await this.bounded(max === null ? this.client.hdel(key, userId) : this.client.hset(key, userId, max));
  }

  join(nodeId: string, leaseMs: number): Promise<api.BeatResult> {
    return this.nodes.beat('join', nodeId, leaseMs);
  }

  beat(nodeId: string, leaseMs: number): Promise<api.BeatResult> {
    return this.nodes.beat('beat', nodeId, leaseMs);
  }

  async quit(nodeId: string): Promise<void> {
    this.inbox.stop(nodeId);
    await this.nodes.beat('quit', nodeId, 0);
  }

  sweep(): Promise<api.SweepResult> {
    return this.nodes.sweep();
  }

  tail(): Promise<string> {
    return this.log.tail();
  }

  async head(): Promise<string> {
    return this.log.head();
  }

  readLog(cursor: string, limit: number, waitMs: number): Promise<api.LogPage> {
    return this.log.read(cursor, limit, waitMs, this.nodes.epochs);
  }

  async upholds(cursor: string): Promise<boolean> {
    return (await this.nodes.knowMasters()) && (await this.log.reaches(cursor));
  }

  positions(cursor: string): readonly number[] {
    return decodeCursor(cursor, this.options.shards).map((position) => position.sequence);
  }

  changeGroup(name: string, member: string): api.ChangeGroup {
    return new ChangeGroupMember(new RedisChangeGroup(this.client, this.calls, { ...this.options, name, member }));
  }

  get parts(): number {
    return this.reads.parts;
  }

  partOf(userId: string): number {
    return this.reads.partOf(userId);
  }

  snapshot(part: number): Promise<api.Snapshot> {
    return this.reads.snapshot(part);
  }

  snapshotOf(userId: string): Promise<api.Snapshot> {
    return this.reads.snapshotOf(userId);
  }

  countEvent(event: api.CountedEvent): Promise<void> {
    return this.bounded(this.hours.count(event));
  }

  hourRecords(): Promise<api.HourCounts[]> {
    return this.bounded(this.hours.records());
  }

  hourRecord(at: number): Promise<api.HourRecord | null> {
    return this.bounded(this.hours.record(at));
  }

  serverStats(): Promise<readonly api.ServerStats[]> {
    return readServers(this.client);
  }

  notify(displaced: readonly Displaced[], by?: api.InboxMessage['by']): Promise<void> {
    return displaced.length === 0 ? Promise.resolve() : this.inbox.notify(displaced, by);
  }

  onInbox(nodeId: string, deliver: (message: api.InboxMessage) => void): void {
    this.inbox.listen(nodeId, deliver);
  }

  private limitKey(userId: string): string {
    return `${this.calls.prefixOf(placeOf(userId, this.options.shards).shard)}lim`;
  }

  private connection(blocking: boolean): RedisClient {
    const client = connectRedis(this.options.url, blocking);
    client.on('error', (error: unknown) => this.warnOnce(error));
    client.on('ready', () => {
      this.lastWarning = '';
    });
    return client;
  }

  /** A server that is away fails many calls in the same way: one line until it is back or fails otherwise. */
  private warnOnce(error: unknown): void {
    const message =
      error instanceof Error ? error.message || String((error as NodeJS.ErrnoException).code) : String(error);
    if (message === this.lastWarning) return;
    this.lastWarning = message;
    this.options.warn('redis', { error: message });
  }

  private async bounded<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      this.warnOnce(error);
      throw unavailable(error);
    }
  }
}
