/** Builds one process: creates its parts in the order of their dependencies, starts and stops them. */
import type { Logger } from 'pino';
import {
  isRetryable,
  MemoryStore,
  type PresenceStore,
  pause,
  RedisStore,
  type RedisStoreOptions,
  retrying,
} from '../presence-core/index.ts';
import { createAuthenticator } from './auth/create-authenticator.ts';
import { agreedSettings } from './config/agreed.ts';
import { type Config, DEFAULT_DATABASE_URL } from './config/config.ts';
import { workerCount } from './config/worker-count.ts';
import { History } from './history/history.ts';
import { createHistoryDatabase, parseDatabaseUrl } from './history/index.ts';
import type { Readiness } from './http/readiness.ts';
import type { Deployment } from './http/routes/context.ts';
import { HEARTBEAT_INTERVAL_MAX_MS, HEARTBEAT_LEASE_MAX_MS } from './http/routes/heartbeat.ts';
import { createSidecar } from './http/sidecar.ts';
import { openFilesLimit, shareOut } from './limits/descriptors.ts';
import { loopTurned } from './metrics/loop-lag.ts';
import { Metrics } from './metrics/metrics.ts';
import { createNodeReport } from './metrics/node-report.ts';
import { NodeReports } from './metrics/node-reports.ts';
import { observeStore } from './metrics/observe-store.ts';
import { RecentRefusals } from './metrics/recent-refusals.ts';
import { registerServerMetrics } from './metrics/server-metrics.ts';
import { StoreFigures } from './metrics/store-figures.ts';
import { StoreHealth } from './metrics/store-health.ts';
import { guardAdmissions } from './node/admission-guard.ts';
import { Doubts } from './node/doubts.ts';
import { LogFeed } from './node/log-feed.ts';
import { GatewayNode } from './node/node.ts';
import { Demand, memoryBytes } from './replica/demand.ts';
import { createReads } from './replica/reads.ts';
import { Replica } from './replica/replica.ts';
import { Gateway } from './sessions/gateway.ts';
import { selectTransport } from './transport/select.ts';

/** What `ready` says, for those who read the log by program. */
export interface ReadyFacts {
  readonly wsPort: number | undefined;
  readonly httpPort: number;
  readonly adminPort: number | undefined;
  /** Of sockets; undefined without the role `gateway`. */
  readonly transport: string | undefined;
  readonly socketTransport: string | undefined;
  readonly httpTransport: string;
  readonly store: string;
}

export interface Server {
  /** Bound ports; undefined without the role `gateway`. */
  readonly wsPort: number | undefined;
  readonly httpPort: number;
  /** Undefined without ADMIN_PORT. */
  readonly adminPort: number | undefined;
  /**
   * Resolves when the store answers and this node has its lease, without facts when it was stopped before; rejects when
   * the store is misconfigured.
   */
  readonly ready: Promise<ReadyFacts | undefined>;
  /** Rejects when the configured database cannot be opened, however long one waits. */
  readonly refused: Promise<never>;
  /**
   * Says for `delayMs` that it is not ready and serves on, asks players to reconnect elsewhere over `drainMs`, then stops.
   * Safe to call twice.
   * @param drained called when all players are gone, while the store still answers.
   */
  stop(drainMs: number, delayMs?: number, drained?: () => unknown): Promise<void>;
  /** Of this process alone, as are its metrics. */
  readiness(): Promise<Readiness>;
  readonly metrics: Metrics;
}

/** How many users who just went offline a replica remembers, with their last-seen time. */
const REPLICA_LEFT_MAX = 100_000;
/** Fewer open files are less than what a server usually gets. */
const FEW_FILES = 4_096;
const STORE_BACK_OFF = { firstMs: 250, maxMs: 5_000 };

const commonOptions = (config: Config) => ({
  defaultLimit: config.maxStreams,
  tombstoneMs: config.sessionLeaseMs,
  seenMax: config.seenMax,
  logMax: config.logMax,
  stallGraceMs: Math.max(config.heartbeatTtlMs, config.nodeLeaseMs),
});

export function redisOptions(config: Config): RedisStoreOptions {
  return {
    ...commonOptions(config),
    url: config.redisUrl,
    security: {
      ...(config.redisCaFile && { ca: config.redisCaFile }),
      ...(config.redisCertFile && { cert: config.redisCertFile, key: config.redisKeyFile }),
      ...(config.redisSentinelPassword && { sentinelPassword: config.redisSentinelPassword }),
    },
    prefix: config.redisPrefix,
    agreed: agreedSettings(config),
    shards: config.presenceShards,
    nodeLeaseMs: config.nodeLeaseMs,
    sweepGapMs: config.sweepMs / 2,
    leaseMaxMs: Math.max(config.sessionLeaseMs, config.heartbeatTtlMs, config.nodeLeaseMs, HEARTBEAT_LEASE_MAX_MS),
  };
}

export function createStore(config: Config, log: Logger, mayHaveForgotten?: (canAsk: boolean) => void): PresenceStore {
  if (config.redisUrl === '') return new MemoryStore(commonOptions(config));
  return new RedisStore({
    ...redisOptions(config),
    ...(mayHaveForgotten && { mayHaveForgotten }),
    warn: (message, details) => log.warn(details ?? {}, message),
  });
}

/** Undefined for a process that neither writes nor reads history. The default database is optional. */
function createHistory(config: Config, store: PresenceStore, log: Logger): History | undefined {
  const location = parseDatabaseUrl(config.databaseUrl);
  const writes = config.roles.includes('history');
  if (location === undefined || !(writes || config.roles.includes('sidecar'))) return undefined;
  return new History({
    database: createHistoryDatabase(location),
    store,
    log,
    writes,
    keepDays: { sessions: config.historyDays, concurrency: config.concurrencyDays, analytics: config.analyticsDays },
    logKeptWarnMs: config.logKeptWarnMs,
    required: config.databaseUrl !== DEFAULT_DATABASE_URL,
  });
}

/** Rejects when the database is misconfigured. An unavailable database is not waited for. */
function refusalOf(history: History | undefined): Promise<never> {
  const refused = new Promise<never>((_, reject) => {
    history?.open().catch(reject);
  });
  // Not an unhandled rejection for callers that do not use it.
  refused.catch(() => undefined);
  return refused;
}

/** The copy in memory from which the sidecar answers reads; undefined: it reads from the store. */
function createReplica(config: Config, store: PresenceStore, feed: LogFeed, log: Logger): Replica | undefined {
  if (config.replica === 'off' || !config.roles.includes('sidecar') || !store.isShared) return undefined;
  // Half of what one shard keeps, so that the replica never knows a user that the store has already forgotten (P15).
  const leftMax = Math.min(REPLICA_LEFT_MAX, config.seenMax / config.presenceShards / 2);
  const countSessions = async (): Promise<number> => (await store.reads.counts([{ by: 'total' }]))[0]?.sessions ?? 0;
  // Each worker has a copy of its own.
  const bytesMax = (memoryBytes() * config.replicaMemoryPercent) / 100 / workerCount(config);
  const demand = config.replica === 'auto' ? new Demand({ bytesMax, countSessions }) : undefined;
  return new Replica({ store, feed, log, maxLagMs: config.replicaMaxLagMs, leftMax, ...(demand && { demand }) });
}

/**
 * Binds the ports first, so that health checks work while the store is unavailable, then starts the store.
 * @throws Error when a port is in use or the configured transport does not load.
 * @param deployment given to a worker, which shares its ports with others.
 */
export async function startServer(config: Config, log: Logger, deployment?: Deployment): Promise<Server> {
  const metrics = new Metrics();
  const health = new StoreHealth();
  const refusals = new RecentRefusals();
  const figures = new StoreFigures(health, refusals);
  // To be asked before anybody relies on it.
  const bareStore = createStore(config, log, (canAsk) => {
    node.suspect();
    if (canAsk) void node.check();
  });
  const doubts = new Doubts(() => node);
  const sessions = guardAdmissions(doubts.ofSessions(bareStore.sessions), () => node, config.outagePolicy);
  const inbox = doubts.ofInbox(bareStore.inbox);
  const whenAway = config.outagePolicy === 'open' ? 'degraded' : 'unavailable';
  const store = observeStore(bareStore, metrics, figures, whenAway, { sessions, inbox });
  const node = new GatewayNode({
    store,
    log,
    beatMs: config.nodeBeatMs,
    leaseMs: config.nodeLeaseMs,
    sweepMs: config.sweepMs,
    sessionLeaseMs: config.sessionLeaseMs,
    resumeGraceMs: config.resumeGraceMs,
    returnMaxMs: Math.max(HEARTBEAT_INTERVAL_MAX_MS, config.heartbeatIntervalMs, config.guardRefreshMs),
    loopTurned,
  });
  const feed = new LogFeed(store, log);
  const authenticator = createAuthenticator({ ...config, warn: (fields, message) => log.warn(fields, message) });
  const history = createHistory(config, store, log);
  const replica = createReplica(config, store, feed, log);
  let draining = false;
  let stopped: Promise<void> | undefined;
  let gateway: Gateway | undefined;
  let wsPort: number | undefined;
  let httpPort: number;
  let adminPort: number | undefined;
  const openFiles = openFilesLimit();
  const files = shareOut(openFiles);
  if (openFiles < FEW_FILES || config.maxSockets > openFiles - files.http) {
    const fields = { openFiles, maxSockets: config.maxSockets || files.sockets };
    log.warn(fields, 'few files may be open, and each socket is one: raise the limit (ulimit -n, LimitNOFILE)');
  }
  const { create, uws } = await selectTransport(config.transport, log);
  if (config.roles.includes('gateway')) {
    const reads = createReads(store.reads, replica);
    const maxSockets = config.maxSockets || files.sockets;
    const copy = () => replica?.current();
    const parts = { store, feed, reads, copy, node, log, authenticator, createTransport: create };
    gateway = new Gateway({ ...config, maxSockets, ...parts, sharesPort: deployment !== undefined });
    wsPort = await gateway.listen(config.host, config.wsPort);
  }
  registerServerMetrics(metrics, { store: bareStore, node, gateway, writer: history?.writer, replica });
  // Players are let in unchecked, or changes are late; or that is not known.
  const isUnchecked = (): boolean => config.outagePolicy === 'open' && node.isReturning;
  const isDegraded = (): boolean =>
    health.isTroubled || !node.hasLease || node.isAwaited || node.isSuspect || isUnchecked();
  metrics.gauge(
    {
      name: 'degraded',
      jointly: 'max',
      help: '1 while admissions may go unchecked or changes may be late, as /readyz says; else 0',
    },
    () => Number(isDegraded()),
  );
  if (history) {
    const help = '1 while history is written and can be read; 0 while its database is away, or off for good';
    metrics.gauge({ name: 'history_up', jointly: 'min', help }, () => Number(history.isUp));
  }
  const report = createNodeReport({
    node,
    store: store.name,
    gateway,
    writer: history?.writer,
    replica,
    figures,
    ...(history && { isHistoryUp: () => history.isUp }),
    isDraining: () => draining,
    isDegraded,
  });
  const { nodeBeatMs: everyMs, nodeLeaseMs: keptMs } = config;
  const reports = new NodeReports({ store, node, report, everyMs, keptMs });
  const sidecar = createSidecar({
    config,
    wsPort,
    reports,
    refusals,
    authenticator,
    store,
    history: history?.reads,
    replica,
    log,
    metrics,
    deployment,
    uws,
    maxConnections: files.http,
    isFull: () => gateway?.isFull ?? false,
    isDraining: () => draining,
    isRestoring: () => node.isRestoring || node.isReturning || node.isSuspect,
    isReturning: () => node.isReturning,
    returns: node.returns,
    giveUp: (guard) => node.detach({ ...guard, owner: 'guard', isUncertain: true, isUntold: true }),
    isUnconfirmed: () => !node.hasLease,
    isDegraded,
  });
  try {
    httpPort = await sidecar.listen(config.host, config.httpPort);
    adminPort = await sidecar.admin?.listen(config.host, config.adminPort as number);
  } catch (error) {
    await gateway?.drain(0);
    await sidecar.close();
    throw error;
  }
  log.info({ wsPort, httpPort, adminPort }, 'listening');

  const bringUp = async (): Promise<ReadyFacts | undefined> => {
    // Only a misconfiguration is final. The store itself says that it is away.
    await retrying({ ...STORE_BACK_OFF, wanted: () => !draining, passes: isRetryable }, async () => {
      await store.start();
      if (!draining) await node.start();
    });
    if (draining) return undefined;
    reports.start();
    history?.startWriting();
    replica?.start();
    const socketTransport = gateway?.transportName;
    const facts: ReadyFacts = {
      wsPort,
      httpPort,
      adminPort,
      transport: socketTransport,
      socketTransport,
      httpTransport: uws ? 'uws' : 'node',
      store: store.name,
    };
    // `msg` and `transport` are for those who read this line by program; every line has `message`. Of workers the parent
    // says when all are ready.
    if (deployment) log.info({ ...facts, nodeId: node.nodeId }, 'worker ready');
    else log.info({ msg: 'ready', ...facts, nodeId: node.nodeId }, 'ready');
    return facts;
  };

  const stop = async (drainMs: number, delayMs: number, drained?: () => unknown): Promise<void> => {
    draining = true;
    void reports.publish();
    // So long a load balancer may take to send nobody here.
    if (gateway && delayMs > 0) await pause(delayMs);
    await gateway?.drain(drainMs);
    doubts.stop();
    reports.stop();
    await node.stop();
    await sidecar.close();
    await sidecar.admin?.close();
    await drained?.();
    replica?.stop();
    // The embedded store ends its sessions when it stops, and history must still read that; with Redis, history needs its
    // connection.
    const last = !store.outlivesProcess ? [store, history] : [history, store];
    for (const part of last) await part?.stop();
  };
  return {
    wsPort,
    httpPort,
    adminPort,
    ready: bringUp(),
    refused: refusalOf(history),
    readiness: () => sidecar.readiness(),
    metrics,
    stop: (drainMs, delayMs = 0, drained) => (stopped ??= stop(drainMs, delayMs, drained)),
  };
}
