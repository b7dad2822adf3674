/** Connections to one Redis, Sentinel or Cluster, with every wait bounded. */
import { once } from 'node:events';
import { Cluster, Redis, type RedisOptions } from 'ioredis';
import { StoreError } from '../errors.ts';
import { backOffMs } from '../toolkit/retrying.ts';
import { hearSentinels, keepAlive, refuseBehindLateAnswers } from './lasting-client.ts';
import { describeOutage, NoAnswer } from './outage.ts';
import { parseRedisUrl, type RedisAddress, type RedisTarget } from './redis-url.ts';
import {
  BLOCK_MAX_MS,
  COMMAND_TIMEOUT_MS,
  CONNECT_TIMEOUT_MS,
  DISCONNECT_TIMEOUT_MS,
  RECONNECT_MAX_MS,
  SILENCE_MAX_MS,
} from './timeouts.ts';

export type RedisClient = Redis | Cluster;

const RECONNECTS = { firstMs: 100, maxMs: RECONNECT_MAX_MS };

/** ioredis counts attempts from 1. */
const retryDelayMs = (attempt: number): number => backOffMs(RECONNECTS, attempt - 1);

/** What a URL does not say. The texts are PEM; one that is absent is what Node.js trusts, or none. */
export interface RedisSecurity {
  /** Certificates of the authorities that sign those of Redis. */
  readonly ca?: string;
  /** Of this client, and its key. */
  readonly cert?: string;
  readonly key?: string;
  readonly sentinelPassword?: string;
}

/**
 * Opens a client that connects in the background and reconnects for ever, with jitter.
 * @param blocking for reads that wait on purpose: no command timeout, the caller bounds them.
 */
export function connectRedis(url: string, blocking: boolean, security: RedisSecurity = {}): RedisClient {
  const target = parseRedisUrl(url);
  const { sentinelPassword, ...certificates } = security;
  const client = createClient(target, sentinelPassword, {
    ...target.auth,
    db: target.db,
    ...(target.tls && { tls: certificates }),
    connectTimeout: CONNECT_TIMEOUT_MS,
    disconnectTimeout: DISCONNECT_TIMEOUT_MS,
    socketTimeout: SILENCE_MAX_MS + (blocking ? BLOCK_MAX_MS : 0),
    // What a connection carried fails as it closes. Else it is kept, with its arguments, until another one is ready.
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
    lazyConnect: true,
    retryStrategy: retryDelayMs,
    reconnectOnError: (error) => error.message.startsWith('READONLY'),
    // Redis may have run what was not answered: only the caller knows whether to ask again (P7, P16).
    autoResendUnfulfilledCommands: false,
    ...(blocking ? {} : { commandTimeout: COMMAND_TIMEOUT_MS }),
  });
  keepAlive(client, RECONNECTS);
  if (target.kind !== 'cluster') hintAtMixUps(client, target.tls);
  return client;
}

/** Who speaks TLS to a port that does not, or plainly to one that does, only sees that nothing is answered. */
function hintAtMixUps(client: RedisClient, tls: boolean): void {
  const hint = tls
    ? 'rediss:// needs a port for TLS; Redis may want a certificate of the client: REDIS_CERT_FILE and REDIS_KEY_FILE'
    : 'a port for TLS needs rediss://';
  let wasReady = false;
  client.on('ready', () => {
    wasReady = true;
  });
  client.on('error', (error: NodeJS.ErrnoException & { hint?: string }) => {
    if (!wasReady && (error.code === 'ETIMEDOUT' || error.code === 'ECONNRESET')) error.hint = hint;
  });
}

function createClient(target: RedisTarget, sentinelPassword: string | undefined, options: RedisOptions): RedisClient {
  const bounded = <Connection extends Redis>(connection: Connection): Connection => {
    refuseBehindLateAnswers(connection, () => new NoAnswer(COMMAND_TIMEOUT_MS));
    return connection;
  };
  if (target.kind === 'cluster') {
    const cluster = new Cluster([...target.nodes], {
      redisOptions: options,
      lazyConnect: true,
      enableOfflineQueue: false,
      slotsRefreshInterval: 2_000,
      slotsRefreshTimeout: CONNECT_TIMEOUT_MS,
      clusterRetryStrategy: retryDelayMs,
      // Else a command whose connection closed is sent again, by the cluster itself.
      retryDelayOnFailover: 0,
    });
    // By itself a node connects at its first command, and others of that moment are refused. Not before the cluster's own
    // check: that asks any node, and one that is still connecting refuses it.
    const connectNode = (node: Redis): void => {
      if (cluster.status === 'ready' && node.status === 'wait') node.connect().catch(() => undefined);
    };
    cluster.on('+node', (node: Redis) => connectNode(bounded(node)));
    cluster.on('ready', () => cluster.nodes().forEach(connectNode));
    return cluster;
  }
  if (target.kind === 'sentinel') {
    const sentinel = new Redis({
      ...options,
      sentinels: [...target.nodes],
      ...(sentinelPassword && { sentinelPassword }),
      ...(options.tls && { sentinelTLS: options.tls, enableTLSForSentinelMode: true }),
      name: target.name as string,
      failoverDetector: true,
      sentinelRetryStrategy: retryDelayMs,
      // Else a sentinel that accepts and does not answer is waited for without end.
      sentinelCommandTimeout: COMMAND_TIMEOUT_MS,
    });
    hearSentinels(sentinel);
    return bounded(sentinel);
  }
  return bounded(new Redis({ ...options, ...(target.nodes[0] as RedisAddress) }));
}

/** The server that takes writes, or those of a Cluster that are known. */
export function mastersOf(client: RedisClient): Redis[] {
  return client instanceof Cluster ? client.nodes('master') : [client];
}

/**
 * Resolves when the client can serve, on Cluster each of its masters.
 * @throws StoreError `store_unavailable` at the next error or after `timeoutMs`; the client goes on trying.
 */
export async function ready(client: RedisClient, timeoutMs: number): Promise<void> {
  await readyAlone(client, timeoutMs);
  if (client instanceof Cluster) {
    await Promise.all(client.nodes('master').map((node) => readyAlone(node, timeoutMs)));
  }
}

/** Without the nodes of a Cluster. */
async function readyAlone(client: RedisClient, timeoutMs: number): Promise<void> {
  if (client.status === 'ready') return;
  let lastError: Error | undefined;
  const remember = (error: Error): void => {
    lastError = error;
  };
  client.on('error', remember);
  if (client.status === 'wait') client.connect().catch(() => undefined);
  const waiting = new AbortController();
  try {
    const options = { signal: AbortSignal.any([waiting.signal, AbortSignal.timeout(timeoutMs)]) };
    await Promise.race([
      once(client, 'ready', options),
      once(client, 'end', options).then(() => Promise.reject(new Error('ended'))),
    ]);
  } catch {
    throw new StoreError('store_unavailable', describeOutage(lastError ?? new NoAnswer(timeoutMs)));
  } finally {
    waiting.abort();
    client.off('error', remember);
  }
}
