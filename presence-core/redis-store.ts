/** PresenceStore over Redis: one Redis, Sentinel or Cluster. Truth and time are Redis' own (P1, P2). */
import { randomBytes } from 'node:crypto';
import { ChangeGroupMember } from './change-group.ts';
import { StoreError } from './errors.ts';
import { BUCKETS, configKey, placeOf } from './keys.ts';
import { decodeCursor } from './log-cursor.ts';
import type * as api from './presence-store.ts';
import { RedisAnalytics } from './redis-analytics.ts';
import { chunks, RedisCalls, unavailable } from './redis-calls.ts';
import { RedisChangeGroup } from './redis-change-group.ts';
import { connectRedis, parseRedisUrl, type RedisClient, ready } from './redis-connection.ts';
import { RedisInbox } from './redis-inbox.ts';
import { RedisLog } from './redis-log.ts';
import { RedisMasters } from './redis-masters.ts';
import { type Facet, RedisReads } from './redis-reads.ts';
import { attributeArgs, ownerText, parseDisplaced, parseLine } from './redis-rows.ts';
import { defineVerbs } from './redis-scripts.ts';
import { checkServer } from './redis-server-check.ts';
import { readServers } from './redis-server-info.ts';
import type { CloseReason, Displaced } from './session.ts';

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
/** Sessions looked at by one script call of the sweep: some 3 ms of Redis. */
const SWEEP_BUDGET = 1_000;
/** Script calls of one sweep; what is left is due at the next. */
const SWEEP_CALLS_MAX = 2_000;

export class RedisStore implements api.PresenceStore {
  readonly kind = 'redis';
  private readonly options: Required<RedisStoreOptions>;
  private readonly client: RedisClient;
  private readonly calls: RedisCalls;
  private readonly log: RedisLog;
  private readonly inbox: RedisInbox;
  private readonly hours: RedisAnalytics;
  private readonly masters: RedisMasters;
  private readonly reads: RedisReads;
  private readonly allShards: number[];
  /** Newest epoch seen of each shard. */
  private epochs: number[] = [];
  private deploymentSecret = '';
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
    this.allShards = Array.from({ length: shards }, (_, shard) => shard);
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
    this.masters = new RedisMasters(this.client, this.calls.prefixes);
    this.log = new RedisLog(this.client, reader, this.calls.prefixes);
    this.inbox = new RedisInbox(this.client, reader, prefix);
    this.hours = new RedisAnalytics(this.client, prefix);
    parseRedisUrl(url);
  }

  async start(): Promise<void> {
    await ready(this.client, READY_WAIT_MS);
    await this.bounded(checkServer(this.client, this.options.warn));
    await this.bounded(this.checkDeployment());
  }

  async stop(): Promise<void> {
    this.inbox.stop();
    this.log.stop();
    this.client.disconnect();
  }

  async ping(): Promise<void> {
    await this.bounded(this.client.hexists(configKey(this.options.prefix), 'layout'));
  }

  secret(): string {
    return this.deploymentSecret;
  }

  async open(r: api.OpenRequest): Promise<api.OpenResult> {
    const lines = await this.calls.item<string[]>('open', r.userId, (K, bucket) => [
      K,
      r.userId,
      r.sessionId,
      bucket,
      ownerText(r.owner),
      String(r.leaseMs),
      r.limit === undefined ? '' : String(r.limit),
      r.onLimit === 'evict-oldest' ? 'e' : 'r',
      r.replace?.join('|') ?? '',
      INTENTS[r.intent],
      formerText(r),
      ...attributeArgs(r.attributes),
      String(this.options.defaultLimit),
    ]);
    const head = (lines[0] as string).split('|') as [string, string, string, string, string, string, string];
    const [outcome, current, max] = [head[0], Number(head[1]), Number(head[2])];
    if (outcome === 'fenced' || outcome === 'gone') return { outcome };
    if (outcome === 'ended') return { outcome, reason: head[1] as CloseReason };
    const rest = lines.slice(1);
    if (outcome === 'refused') {
      const conflicts = rest.filter((text) => text.startsWith('conflict|'));
      return {
        outcome,
        current,
        max,
        conflicts: conflicts.map((text) => parseLine(r.userId, text).session),
        nextFreeAt: Number(head[3]),
        displaced: parseDisplaced(r.userId, rest.slice(0, rest.length - conflicts.length)),
      };
    }
    return {
      outcome: outcome as 'opened' | 'renewed' | 'held',
      current,
      max,
      startedAt: Number(head[3]),
      expiresAt: Number(head[4]),
      segment: Number(head[5]),
      segmentStartedAt: Number(head[3]) + Number(head[6]),
      displaced: rest.length > 0 ? parseDisplaced(r.userId, rest) : [],
    };
  }

  renew(requests: readonly api.RenewRequest[]): Promise<api.RenewResult[]> {
    return this.calls.renew(requests, (text) => outcomeOf(text) as api.RenewResult);
  }

  async update(r: api.UpdateRequest): Promise<api.UpdateResult> {
    const text = await this.act('update', r, r.owner, attributeArgs(r.attributes));
    const [outcome, segment, startedAt, segmentMs] = text.split('|');
    if (outcome !== 'updated' && outcome !== 'unchanged') return outcomeOf(text) as api.Miss;
    return { outcome, segment: Number(segment), segmentStartedAt: Number(startedAt) + Number(segmentMs) };
  }

  detach(requests: readonly api.OwnedRef[], graceMs: number): Promise<api.DetachResult[]> {
    return Promise.all(
      requests.map(async (r) => outcomeOf(await this.act('detach', r, r.owner, [String(graceMs)])) as api.DetachResult),
    );
  }

  async close(r: api.CloseRequest): Promise<api.CloseResult> {
    const lines = await this.act<string[]>('close', r, r.owner, [r.reason]);
    if (lines[0] !== 'closed') return outcomeOf(lines[0] as string) as api.Miss;
    return { outcome: 'closed', displaced: parseDisplaced(r.userId, lines.slice(1))[0] as Displaced };
  }

  async kick(userId: string): Promise<readonly Displaced[]> {
    const lines = await this.act<string[]>('close', { userId, sessionId: '' }, undefined, ['kicked']);
    return parseDisplaced(userId, lines.slice(1));
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
    return this.beatAll('join', nodeId, leaseMs);
  }

  beat(nodeId: string, leaseMs: number): Promise<api.BeatResult> {
    return this.beatAll('beat', nodeId, leaseMs);
  }

  async quit(nodeId: string): Promise<void> {
    this.inbox.stop(nodeId);
    await this.beatAll('quit', nodeId, 0);
  }

  async sweep(): Promise<api.SweepResult> {
    let ended = 0;
    let lagMs = 0;
    let left: readonly number[] = this.allShards;
    const common = [String(this.options.sweepGapMs), String(SWEEP_BUDGET), String(BUCKETS)];
    for (let call = 0; left.length > 0 && call < SWEEP_CALLS_MAX; ) {
      const again: number[] = [];
      // One call at a time, so that others get in between.
      for (const shards of chunks(left, 16)) {
        const replies = await this.calls.forShards<string>('sweep', common, shards);
        call++;
        replies.forEach((text, i) => {
          const [count, more, lag] = text.split('|').map(Number) as [number, number, number];
          ended += count;
          lagMs = Math.max(lagMs, lag);
          if (more) again.push(shards[i] as number);
        });
      }
      left = again;
    }
    return { ended, lagMs };
  }

  tail(): Promise<string> {
    return this.log.tail();
  }

  async head(): Promise<string> {
    return this.log.head();
  }

  readLog(cursor: string, limit: number, waitMs: number): Promise<api.LogPage> {
    return this.log.read(cursor, limit, waitMs, this.epochs);
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

  analytics(at: number): Promise<api.HourAnalytics> {
    return this.bounded(this.hours.read(at));
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

  /** A verb on one session: K, user, session, bucket, owner, then its own arguments. */
  private act<Reply = string>(
    verb: 'update' | 'close' | 'detach',
    ref: api.SessionRef,
    owner: api.OwnedRef['owner'] | undefined,
    rest: readonly string[],
  ): Promise<Reply> {
    const text = owner === undefined ? '' : ownerText(owner);
    return this.calls.item<Reply>(verb, ref.userId, (K, bucket) => [
      K,
      ref.userId,
      ref.sessionId,
      bucket,
      text,
      ...rest,
    ]);
  }

  private async beatAll(mode: 'join' | 'beat' | 'quit', nodeId: string, leaseMs: number): Promise<api.BeatResult> {
    const runIds = await this.bounded(this.masters.runIds());
    const common = [mode, nodeId, String(leaseMs)];
    const own = (shard: number): string[] => [runIds[shard] as string];
    const texts = await this.calls.forShards<string>('beat', common, this.allShards, own);
    const replies = texts.map((text) => text.split('|'));
    const epochs = replies.map((reply) => Number(reply[1]));
    // An emptied Redis has lost the deployment's secret too: whoever comes first writes it back.
    if (epochs.some((epoch, shard) => epoch !== (this.epochs[shard] ?? epoch)))
      await this.bounded(this.checkDeployment());
    this.epochs = epochs;
    return {
      outcome: replies.some((reply) => reply[0] === 'fenced') ? 'fenced' : 'alive',
      epoch: [...new Set(this.epochs)].join('.'),
      now: Math.max(...replies.map((reply) => Number(reply[2]))),
    };
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

  private async checkDeployment(): Promise<void> {
    const key = configKey(this.options.prefix);
    const layout = `${this.options.shards}x${BUCKETS}`;
    await this.client.hsetnx(key, 'layout', layout);
    await this.client.hsetnx(key, 'secret', this.deploymentSecret || randomBytes(32).toString('hex'));
    const [stored, secret] = await this.client.hmget(key, 'layout', 'secret');
    if (stored !== layout) {
      const detail = `this node has shards x buckets ${layout}, the deployment '${this.options.prefix}' ${stored}`;
      throw new StoreError('store_misconfigured', `PRESENCE_SHARDS is fixed for a deployment: ${detail}`);
    }
    this.deploymentSecret = secret as string;
  }
}

/** What the store is to take over of a session that it forgot. */
function formerText({ intent, startedAt, segment, segmentStartedAt }: api.OpenRequest): string {
  if (intent !== 'restore' || startedAt === undefined) return '';
  return `${startedAt}|${segment ?? 0}|${segmentStartedAt ?? startedAt}`;
}

const INTENTS = { fresh: 'f', resume: 'r', return: 'l', beat: 'b', restore: 'x' } as const;
function outcomeOf(text: string): { outcome: string; reason?: CloseReason; expiresAt?: number } {
  const [outcome, rest] = text.split('|') as [string, string?];
  if (rest === undefined) return { outcome };
  return outcome === 'ended' ? { outcome, reason: rest as CloseReason } : { outcome, expiresAt: Number(rest) };
}
