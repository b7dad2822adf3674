/** Builds one process: creates its parts in the order of their dependencies, starts and stops them. */
import type { Logger } from 'pino';
import { isRetryable, MemoryStore, type PresenceStore, RedisStore, retrying } from '../presence-core/index.ts';
import { createAuthenticator } from './auth/create-authenticator.ts';
import { type Config, DEFAULT_DATABASE_URL } from './config/config.ts';
import { History } from './history/history.ts';
import { createHistoryDatabase, parseDatabaseUrl } from './history/index.ts';
import { createSidecar } from './http/sidecar.ts';
import { Metrics } from './metrics/metrics.ts';
import { observeStore } from './metrics/observe-store.ts';
import { registerServerMetrics } from './metrics/server-metrics.ts';
import { StoreHealth } from './metrics/store-health.ts';
import { guardAdmissions } from './node/admission-guard.ts';
import { Doubts } from './node/doubts.ts';
import { LogFeed } from './node/log-feed.ts';
import { GatewayNode } from './node/node.ts';
import { Returns } from './node/returns.ts';
import { Demand, memoryBytes } from './replica/demand.ts';
import { createReads } from './replica/reads.ts';
import { Replica } from './replica/replica.ts';
import { Gateway } from './sessions/gateway.ts';
import { selectTransport } from './transport/select.ts';

export interface Server {
  /** Bound ports; undefined without the role `gateway`. */
  readonly wsPort: number | undefined;
  readonly httpPort: number;
  /** Resolves when the store answers and this node has its lease; rejects when the store is misconfigured. */
  readonly ready: Promise<void>;
  /** Rejects when the configured database cannot be opened, however long one waits. */
  readonly refused: Promise<never>;
  /** Asks players to reconnect elsewhere over `drainMs`, then stops. Safe to call twice. */
  stop(drainMs: number): Promise<void>;
}

/** How many users who just went offline a replica remembers, with their last-seen time. */
const REPLICA_LEFT_MAX = 100_000;
/** Of heartbeats that come as seldom as may be, and of guards: three times a minute's interval, and 90 s. */
const HEARTBEAT_LEASE_MAX_MS = 180_000;
const STORE_BACK_OFF = { firstMs: 250, maxMs: 5_000 };

export function createStore(config: Config, log: Logger, mayHaveForgotten?: (canAsk: boolean) => void): PresenceStore {
  const common = {
    defaultLimit: config.maxStreams,
    tombstoneMs: config.sessionLeaseMs,
    seenMax: config.seenMax,
    logMax: config.logMax,
    stallGraceMs: Math.max(config.heartbeatTtlMs, config.nodeLeaseMs),
  };
  if (config.redisUrl === '') return new MemoryStore(common);
  return new RedisStore({
    ...common,
    url: config.redisUrl,
    prefix: config.redisPrefix,
    shards: config.presenceShards,
    nodeLeaseMs: config.nodeLeaseMs,
    sweepGapMs: config.sweepMs / 2,
    leaseMaxMs: Math.max(config.sessionLeaseMs, config.heartbeatTtlMs, config.nodeLeaseMs, HEARTBEAT_LEASE_MAX_MS),
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
  const bytesMax = (memoryBytes() * config.replicaMemoryPercent) / 100;
  const demand = config.replica === 'auto' ? new Demand({ bytesMax, countSessions }) : undefined;
  return new Replica({ store, feed, log, maxLagMs: config.replicaMaxLagMs, leftMax, ...(demand && { demand }) });
}

/**
 * Binds the ports first, so that health checks work while the store is unavailable, then starts the store.
 * @throws Error when a port is in use or the configured transport does not load.
 */
export async function startServer(config: Config, log: Logger): Promise<Server> {
  const metrics = new Metrics();
  const health = new StoreHealth();
  // To be asked before anybody relies on it.
  const bareStore = createStore(config, log, (canAsk) => {
    node.suspect();
    if (canAsk) void node.check();
  });
  const doubts = new Doubts(() => node);
  const sessions = guardAdmissions(doubts.ofSessions(bareStore.sessions), () => node, config.outagePolicy);
  const inbox = doubts.ofInbox(bareStore.inbox);
  const whenAway = config.outagePolicy === 'open' ? 'degraded' : 'unavailable';
  const store = observeStore(bareStore, metrics, health, whenAway, { sessions, inbox });
  const returns = new Returns();
  const node = new GatewayNode({
    store,
    log,
    beatMs: config.nodeBeatMs,
    leaseMs: config.nodeLeaseMs,
    sweepMs: config.sweepMs,
    sessionLeaseMs: config.sessionLeaseMs,
    resumeGraceMs: config.resumeGraceMs,
    returns,
  });
  const feed = new LogFeed(store, log);
  const authenticator = createAuthenticator(config);
  const history = createHistory(config, store, log);
  const replica = createReplica(config, store, feed, log);
  let draining = false;
  let stopped: Promise<void> | undefined;
  let gateway: Gateway | undefined;
  let wsPort: number | undefined;
  let httpPort: number;
  const { create, uws } = await selectTransport(config.transport, log);
  if (config.roles.includes('gateway')) {
    const reads = createReads(store.reads, replica);
    const copy = () => replica?.current();
    gateway = new Gateway({ ...config, store, feed, reads, copy, node, log, authenticator, createTransport: create });
    wsPort = await gateway.listen(config.host, config.wsPort);
  }
  registerServerMetrics(metrics, { store: bareStore, node, gateway, writer: history?.writer, replica });
  // Players are let in unchecked, or changes are late; or that is not known.
  const isUnchecked = (): boolean => config.outagePolicy === 'open' && node.isReturning;
  const isDegraded = (): boolean =>
    health.isTroubled || !node.hasLease || node.isAwaited || node.isSuspect || isUnchecked();
  metrics.gauge(
    { name: 'degraded', help: '1 while admissions may go unchecked or changes may be late, as /readyz says; else 0' },
    () => Number(isDegraded()),
  );
  const sidecar = createSidecar({
    config,
    authenticator,
    store,
    history: history?.database,
    replica,
    log,
    metrics,
    uws,
    isDraining: () => draining,
    isRestoring: () => node.isRestoring || node.isReturning || node.isSuspect,
    isReturning: () => node.isReturning,
    returns,
    isUnconfirmed: () => !node.hasLease,
    isDegraded,
  });
  try {
    httpPort = await sidecar.listen(config.host, config.httpPort);
  } catch (error) {
    await gateway?.drain(0);
    throw error;
  }
  log.info({ wsPort, httpPort }, 'listening');

  const bringUp = async (): Promise<void> => {
    // Only a misconfiguration is final. The store itself says that it is away.
    await retrying({ ...STORE_BACK_OFF, wanted: () => !draining, passes: isRetryable }, async () => {
      await store.start();
      if (!draining) await node.start();
    });
    if (draining) return;
    history?.startWriting();
    replica?.start();
    const { nodeId } = node;
    const socketTransport = gateway?.transportName;
    const httpTransport = uws ? 'uws' : 'node';
    const transports = { socketTransport, httpTransport };
    // `msg` and `transport` are for those who read this line by program; every line has `message`.
    log.info(
      { msg: 'ready', wsPort, httpPort, transport: socketTransport, ...transports, store: store.name, nodeId },
      'ready',
    );
  };

  const stop = async (drainMs: number): Promise<void> => {
    draining = true;
    await gateway?.drain(drainMs);
    doubts.stop();
    await node.stop();
    await sidecar.close();
    replica?.stop();
    // The embedded store ends its sessions when it stops, and history must still read that; with Redis, history needs its
    // connection.
    const last = !store.outlivesProcess ? [store, history] : [history, store];
    for (const part of last) await part?.stop();
  };
  return {
    wsPort,
    httpPort,
    ready: bringUp(),
    refused: refusalOf(history),
    stop: (drainMs) => (stopped ??= stop(drainMs)),
  };
}
