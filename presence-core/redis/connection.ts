/** Connections to one Redis, Sentinel or Cluster, with every wait bounded. */
import { once } from 'node:events';
import { Cluster, Redis, type RedisOptions } from 'ioredis';
import { StoreError } from '../errors.ts';
import { backOffMs } from '../toolkit/retrying.ts';
import { hearSentinels, keepAlive, refuseBehindLateAnswers } from './lasting-client.ts';
import { describeOutage, NoAnswer } from './outage.ts';
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

interface Target {
  readonly kind: 'single' | 'sentinel' | 'cluster';
  readonly nodes: { host: string; port: number }[];
  readonly name?: string;
  readonly auth: Pick<RedisOptions, 'username' | 'password' | 'db' | 'tls'>;
}

/**
 * Reads `redis://`, `rediss://`, `redis+sentinel://h:p,h:p/name` and `redis+cluster://h:p,h:p`, each with `user:password@`.
 * @throws StoreError `store_misconfigured` without the URL's secret in the message.
 */
export function parseRedisUrl(url: string): Target {
  const parts = /^(rediss?|redis\+sentinel|redis\+cluster):\/\/(?:([^@/]*)@)?([^/?]+)(?:\/([^?]*))?$/.exec(url);
  if (!parts)
    throw new StoreError(
      'store_misconfigured',
      'REDIS_URL is not one of redis://, rediss://, redis+sentinel://, redis+cluster://',
    );
  const [, scheme, login, hosts, path] = parts as unknown as [string, string, string?, string?, string?];
  const [username, password] = (login ?? '').split(':').map(decodeURIComponent);
  const defaultPort = scheme === 'redis+sentinel' ? 26379 : 6379;
  const nodes = (hosts ?? '').split(',').map((node) => {
    const at = /^\[?(.+?)\]?(?::(\d+))?$/.exec(node);
    return { host: at?.[1] ?? node, port: Number(at?.[2] ?? defaultPort) };
  });
  const auth: Target['auth'] = {};
  if (password) auth.password = password;
  if (username) auth.username = username;
  if (scheme === 'rediss') auth.tls = {};
  if (scheme === 'redis+sentinel') {
    if (!path)
      throw new StoreError(
        'store_misconfigured',
        'REDIS_URL redis+sentinel://host:port/name needs the name of the master',
      );
    return { kind: 'sentinel', nodes, name: path, auth };
  }
  if (scheme === 'redis+cluster') return { kind: 'cluster', nodes, auth };
  if (path && !/^\d+$/.test(path))
    throw new StoreError('store_misconfigured', 'REDIS_URL redis://host:port/db needs a number as db');
  if (path) auth.db = Number(path);
  return { kind: 'single', nodes, auth };
}

/**
 * Opens a client that connects in the background and reconnects for ever, with jitter.
 * @param blocking for reads that wait on purpose: no command timeout, the caller bounds them.
 */
export function connectRedis(url: string, blocking: boolean): RedisClient {
  const target = parseRedisUrl(url);
  const client = createClient(target, {
    ...target.auth,
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
  return client;
}

function createClient(target: Target, options: RedisOptions): RedisClient {
  const bounded = <Connection extends Redis>(connection: Connection): Connection => {
    refuseBehindLateAnswers(connection, () => new NoAnswer(COMMAND_TIMEOUT_MS));
    return connection;
  };
  if (target.kind === 'cluster') {
    const cluster = new Cluster(target.nodes, {
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
      sentinels: target.nodes,
      name: target.name as string,
      failoverDetector: true,
      sentinelRetryStrategy: retryDelayMs,
      // Else a sentinel that accepts and does not answer is waited for without end.
      sentinelCommandTimeout: COMMAND_TIMEOUT_MS,
    });
    hearSentinels(sentinel);
    return bounded(sentinel);
  }
  return bounded(new Redis({ ...options, ...(target.nodes[0] as { host: string; port: number }) }));
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
