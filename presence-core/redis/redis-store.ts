/** PresenceStore over Redis: one Redis, Sentinel or Cluster. Truth and time are Redis' own (P1, P2). */
import type { Redis } from 'ioredis';
import { StoreError } from '../errors.ts';
import type { PresenceStore, ServerStats } from '../presence-store.ts';
import { RedisAnalytics } from './analytics.ts';
import { MAX_CURSOR_BYTES, MAX_SHARDS } from './brief-cursor.ts';
import { connectRedis, type RedisClient, type RedisSecurity, ready } from './connection.ts';
import { describeDifference, RedisDeployment } from './deployment.ts';
import { RedisFailures, type Warn } from './failures.ts';
import { RedisGroups } from './groups.ts';
import { InFlightBounds } from './in-flight.ts';
import { RedisInbox } from './inbox.ts';
import { ItemQueue } from './item-queue.ts';
import { shardPrefix } from './keys.ts';
import { RedisLimits } from './limits.ts';
import { RedisLog } from './log.ts';
import { RedisMark } from './mark.ts';
import { RedisMasters } from './masters.ts';
import { RedisNodes } from './nodes.ts';
import { RedisReads } from './reads.ts';
import { RedisRecount } from './recount.ts';
import { parseRedisUrl } from './redis-url.ts';
import { RedisRenewals } from './renewals.ts';
import { ServerSettings } from './server-check.ts';
import { readServers } from './server-info.ts';
import { RedisSessions } from './sessions.ts';
import { RedisShards } from './shards.ts';
import { RedisSnapshots } from './snapshots.ts';
import { RedisSweep } from './sweep.ts';
import { defineVerbs } from './verbs.ts';

export interface RedisStoreOptions {
  readonly url: string;
  readonly security?: RedisSecurity;
  readonly prefix?: string;
  /** Fixed for a deployment: another number is refused at start. At most 1,024, as a cursor of theirs is to be short (W26). */
  readonly shards?: number;
  readonly defaultLimit?: number;
  readonly tombstoneMs?: number;
  /** How long a session that left is not opened anew by a late beat, resume or refresh (P8). */
  readonly leftTombstoneMs?: number;
  readonly seenTtlMs?: number;
  /** Of the deployment: each shard keeps its even part. */
  readonly seenMax?: number;
  /** Entries per shard, trimmed in blocks. */
  readonly logMax?: number;
  readonly stallGraceMs?: number;
  /** The lease with which nodes join: a Redis that fails over is to refuse writes sooner, else a warning says so. */
  readonly nodeLeaseMs?: number;
  /** No session's or node's lease is longer: one that lies further ahead was set before the clock stepped back (P2). */
  readonly leaseMaxMs?: number;
  /** Sessions whose lease ends within this time are looked at one by one when it does, others in groups (P14). */
  readonly shortLeaseMs?: number;
  /** After a sweep that left no work, no process sweeps for so long. */
  readonly sweepGapMs?: number;
  /** One shard is counted anew in each such time, all shards in turn (P12). */
  readonly recountMs?: number;
  /** What a member of a change group was given and has not acknowledged for so long goes to another (P17). */
  readonly claimMs?: number;
  /**
   * Told when Redis may have forgotten (P10): a connection to it was lost (canAsk: false), it is there again, or a call
   * found nothing where something was.
   */
  readonly mayHaveForgotten?: (canAsk: boolean) => void;
  /** By name, what should be equal in all processes: at start a warning says what is not (P18). No secrets. */
  readonly agreed?: Readonly<Record<string, string>>;
  /** Told of what an operator should know; never per request. */
  readonly warn?: Warn;
}

const READY_WAIT_MS = 3_000;
/** Items of verbs in flight, of each kind (P14); ~50 MB of arguments at the most. */
const MAX_IN_FLIGHT = 50_000;

const DEFAULTS = {
  prefix: 'presence',
  shards: 64,
  defaultLimit: 3,
  tombstoneMs: 600_000,
  leftTombstoneMs: 10_000,
  seenTtlMs: 86_400_000,
  seenMax: 1_000_000,
  logMax: 20_000,
  stallGraceMs: 30_000,
  nodeLeaseMs: 10_000,
  leaseMaxMs: 600_000,
  shortLeaseMs: 120_000,
  sweepGapMs: 500,
  recountMs: 60_000,
  claimMs: 8_000,
  mayHaveForgotten: () => {},
  agreed: {},
  security: {},
  warn: () => {},
} satisfies Omit<Required<RedisStoreOptions>, 'url'>;

export class RedisStore implements PresenceStore {
  readonly name = 'redis';
  readonly isShared = true;
  readonly outlivesProcess = true;
  readonly sessions: RedisSessions;
  readonly reads: RedisReads;
  readonly limits: RedisLimits;
  readonly nodes: RedisNodes;
  readonly log: RedisLog;
  readonly snapshots: RedisSnapshots;
  readonly groups: RedisGroups;
  readonly analytics: RedisAnalytics;
  readonly inbox: RedisInbox;
  private readonly settings: ServerSettings;
  private readonly failures: RedisFailures;
  /** For calls on sessions, and what they need. */
  private readonly client: RedisClient;
  private readonly clients: readonly RedisClient[];
  private readonly deployment: RedisDeployment;
  private readonly agreed: Readonly<Record<string, string>>;
  private readonly warn: Warn;

  /** @throws StoreError `store_misconfigured` for a URL that is none. Nothing is connected before `start`. */
  constructor(options: RedisStoreOptions) {
    const { url, security, prefix, defaultLimit, logMax, claimMs, warn, ...rest } = { ...DEFAULTS, ...options };
    const { shards: shardCount } = rest;
    if (shardCount > MAX_SHARDS) {
      const detail = `with ${shardCount} a dashboard's cursor would be longer than ${MAX_CURSOR_BYTES} bytes`;
      throw new StoreError('store_misconfigured', `at most ${MAX_SHARDS} shards: ${detail}`);
    }
    parseRedisUrl(url);
    const failures = new RedisFailures(warn, () => rest.mayHaveForgotten(true));
    const constants = {
      LOG_MAX: Math.floor(logMax),
      TOMB_MS: rest.tombstoneMs,
      LEFT_TOMB_MS: rest.leftTombstoneMs,
      SEEN_TTL_MS: rest.seenTtlMs,
      SEEN_MAX: Math.ceil(rest.seenMax / shardCount),
      STALL_GRACE_MS: rest.stallGraceMs,
      LEASE_MAX_MS: rest.leaseMaxMs,
      RECOUNT_MS: rest.recountMs,
      SHARDS: shardCount,
      SHORT_MS: rest.shortLeaseMs,
    };
    const caller = (): RedisClient => {
      const client = connect(url, failures, false, security);
      defineVerbs(client, { ...constants, HOME: client.isCluster ? undefined : shardPrefix(prefix, 0) }, warn);
      return client;
    };
    const reader = (): RedisClient => connect(url, failures, true, security);
    const client = caller();
    const nodesClient = caller();
    watch(nodesClient, rest.mayHaveForgotten);
    // One Redis blocks on connections of the log's own. A Cluster is polled, and what it tells may be large.
    const logClient = client.isCluster ? caller() : client;
    const prefixes = Array.from({ length: shardCount }, (_, shard) => shardPrefix(prefix, shard));
    const deployment = new RedisDeployment(client, prefix, prefixes);
    const shards = new RedisShards(client, { prefixes, failures, deployment });
    const inFlight = new InFlightBounds(MAX_IN_FLIGHT);
    const queue = new ItemQueue(shards, inFlight);
    const mark = new RedisMark(client, prefix, warn);
    const masters = new RedisMasters(nodesClient, prefixes);
    this.client = client;
    this.clients = [...new Set([client, nodesClient, logClient])];
    this.failures = failures;
    this.settings = new ServerSettings(client, rest.nodeLeaseMs, warn);
    this.deployment = deployment;
    this.agreed = rest.agreed;
    this.warn = warn;
    this.sessions = new RedisSessions(queue, new RedisRenewals(shards, inFlight.renewals), defaultLimit);
    this.reads = new RedisReads({ client, shards, queue, failures, defaultLimit });
    this.limits = new RedisLimits(client, shards, failures, inFlight.reads);
    this.inbox = new RedisInbox(client, reader, prefix, mark);
    const nodeShards = shards.through(nodesClient);
    this.nodes = new RedisNodes(nodeShards, {
      client: nodesClient,
      prefix,
      failures,
      sweep: new RedisSweep(nodeShards, {
        gapMs: rest.sweepGapMs,
        recount: new RedisRecount(nodeShards, queue, failures),
        byMaster: () => masters.shardsOfEach(),
      }),
      runIds: () => failures.guard(masters.runIds()),
      uptimeMs: () => masters.uptimeMs(),
      // An emptied Redis has lost what the deployment agreed on too.
      onNewEpoch: () => failures.guard(deployment.check()),
      onQuit: (nodeId) => this.inbox.stop(nodeId),
    });
    this.log = new RedisLog({
      client: logClient,
      connect: reader,
      prefixes,
      nodes: this.nodes,
      mark,
      logMax,
      shardOf: (userId) => shards.placeOf(userId).shard,
    });
    this.snapshots = new RedisSnapshots(shards, queue);
    this.groups = new RedisGroups(logClient, shards.through(logClient), {
      claimMs,
      logMax,
      warn,
    });
    this.analytics = new RedisAnalytics(client, prefix, failures);
  }

  async start(): Promise<void> {
    await this.failures.guard(Promise.all(this.clients.map((client) => ready(client, READY_WAIT_MS))));
    await this.failures.guard(this.settings.check());
    await this.failures.guard(this.deployment.check());
    await this.compareSettings();
  }

  /** Redis may be out of memory: who cannot write what it has starts nevertheless. */
  private async compareSettings(): Promise<void> {
    const differences = await this.deployment.compare(this.agreed).catch((error) => {
      this.failures.report(error);
      return [];
    });
    for (const difference of differences) {
      const { name: setting, here, there } = difference;
      this.warn(describeDifference(difference), { setting, here, there });
    }
  }

  async stop(): Promise<void> {
    this.inbox.stop();
    this.log.stop();
    for (const client of this.clients) client.disconnect();
  }

  async ping(): Promise<void> {
    await this.failures.guard(this.deployment.ping());
  }

  secret(): string {
    return this.deployment.secret;
  }

  serverStats(): Promise<readonly ServerStats[]> {
    return readServers(this.client);
  }
}

/** Tells of connections that are lost and come back; not of the first one. */
function watch(client: RedisClient, tell: (canAsk: boolean) => void): void {
  let isLost = false;
  const lost = (): void => {
    isLost = true;
    tell(false);
  };
  const back = (): void => {
    if (isLost) tell(true);
    isLost = false;
  };
  client.on('close', lost);
  client.on('ready', back);
  // Of a Cluster, one master: it is asked again once another connection to it, or to its successor, is there.
  client.on('-node', lost);
  client.on('+node', (node: Redis) => node.once('ready', back));
}

/** @param blocking see `connectRedis`. */
function connect(url: string, failures: RedisFailures, blocking: boolean, security: RedisSecurity): RedisClient {
  const client = connectRedis(url, blocking, security);
  client.on('error', (error: unknown) => failures.report(error));
  // Of one node of a Cluster, whose other nodes answer.
  client.on('node error', (error: unknown) => failures.report(error));
  return client;
}
