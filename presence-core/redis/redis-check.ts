/**
 * Tries a Redis out before anybody relies on it: its version and settings, its clock, and whether the user may do all that
 * a process does. What is written is under a prefix of its own, below that of the deployment, and is deleted again.
 */
import { randomBytes } from 'node:crypto';
import type { Redis } from 'ioredis';
import { StoreError } from '../errors.ts';
import { connectRedis, mastersOf, type RedisClient, ready } from './connection.ts';
import { describeDifference, RedisDeployment } from './deployment.ts';
import { configKey, hitsKey, inboxKey, layoutKey, shardKeys, shardPrefix, uniqueUsersKey } from './keys.ts';
import { LIBRARY } from './library.ts';
import { describeOutage, isOutage } from './outage.ts';
import { RedisStore, type RedisStoreOptions } from './redis-store.ts';
import { ServerSettings, versionOf } from './server-check.ts';
import { loadLibrary } from './verbs.ts';

export interface RedisReport {
  readonly version: string;
  /** The functions of this version, as FUNCTION LIST names them. */
  readonly library: string;
  /** By how much its clock is ahead of this machine's; as exact as an answer is quick. */
  readonly clockAheadMs: number;
  /** What would be warned of at start. */
  readonly warnings: readonly string[];
}

const READY_WAIT_MS = 5_000;
const LEASE_MS = 10_000;
const HOUR_MS = 3_600_000;
/** Within functions Redis does not say which command. */
const DENIAL = /NOPERM|ACL failure|no permissions|user executing the script/i;

/** @throws StoreError `store_unavailable`, `store_misconfigured` (a command that is denied, too), `internal`. */
export async function checkRedis(options: RedisStoreOptions): Promise<RedisReport> {
  const { url, security = {}, prefix = 'presence', shards = 64, nodeLeaseMs = 10_000, agreed = {} } = options;
  const client = connectRedis(url, false, security);
  // Whoever asks is answered.
  client.on('error', () => {});
  try {
    await ready(client, READY_WAIT_MS);
    const warnings: string[] = [];
    await new ServerSettings(client, nodeLeaseMs, (message) => warnings.push(message)).check();
    const server = mastersOf(client)[0] as Redis;
    const prefixes = Array.from({ length: shards }, (_, shard) => shardPrefix(prefix, shard));
    const differences = await new RedisDeployment(client, prefix, prefixes).inspect(agreed);
    const report = { version: await versionOf(server), library: LIBRARY, clockAheadMs: await clockAheadMs(server) };
    await tryVerbs(client, { ...options, prefix: `${prefix}:check-${randomBytes(4).toString('hex')}`, shards: 1 });
    return { ...report, warnings: [...warnings, ...differences.map(describeDifference)] };
  } catch (error) {
    throw refusal(error);
  } finally {
    client.disconnect();
  }
}

async function clockAheadMs(server: Redis): Promise<number> {
  const before = Date.now();
  const [seconds, microseconds] = (await server.time()).map(Number) as [number, number];
  return Math.round(seconds * 1_000 + microseconds / 1_000 - (before + Date.now()) / 2);
}

/** What a process does in its life, once. */
async function tryVerbs(client: RedisClient, options: RedisStoreOptions & { prefix: string }): Promise<void> {
  let denied: string | undefined;
  // What fails in a list, or in the background, is only told of.
  const warn = (_: string, details?: Record<string, unknown>): void => {
    const error = String(details?.error ?? '');
    if (DENIAL.test(error)) denied ??= error;
  };
  const store = new RedisStore({ ...options, agreed: {}, warn });
  const nodeId = `check-${randomBytes(8).toString('hex')}`;
  const at = Date.now();
  try {
    // Others may have given it to the server, who were allowed to.
    const refusal = await loadLibrary(client, true);
    if (refusal) throw refusal;
    await store.start();
    await live(store, nodeId, at);
  } finally {
    await store.stop();
    await forget(client, options.prefix, nodeId, at);
  }
  if (denied !== undefined) throw new Error(denied);
}

async function live(store: RedisStore, nodeId: string, at: number): Promise<void> {
  const session = { userId: 'check', sessionId: 'check' };
  const owned = { ...session, owner: { nodeId, connection: 1 } };
  const attributes = { deviceType: 'check', country: 'XX', state: 'YY' };
  await store.nodes.join(nodeId, LEASE_MS);
  store.inbox.listen(nodeId, () => {});
  const cursor = await store.log.tail();
  const opening = { ...owned, leaseMs: LEASE_MS, intent: 'fresh' } as const;
  await store.sessions.open({ ...opening, attributes: { ...attributes, streamId: 'one' } });
  await store.sessions.renew([{ ...owned, leaseMs: LEASE_MS }]);
  await store.sessions.update({ ...owned, attributes: { ...attributes, streamId: 'other' } });
  await store.reads.status([session.userId]);
  await store.reads.sessions([session.userId]);
  await store.reads.counts([{ by: 'total' }]);
  await store.reads.top('stream', 1);
  await store.snapshots.page(0, 'other');
  await store.snapshots.ofUser(session.userId);
  await store.limits.setOverride(session.userId, 5);
  await store.limits.setOverride(session.userId, null);
  await store.log.read(cursor, 10, 10);
  await store.log.keptMs();
  const group = store.groups.join('check', 'check');
  await group.acknowledge(await group.take(10, 0));
  await group.leave();
  await store.analytics.count({ userId: session.userId, kind: 'click', at });
  await store.analytics.hours();
  await store.analytics.hour(at);
  await store.inbox.send([nodeId], { renew: 'all' });
  await store.sessions.detach([owned], LEASE_MS);
  await store.sessions.kick(session.userId);
  await store.nodes.beat(nodeId, LEASE_MS);
  await store.nodes.sweep();
  await store.nodes.report(nodeId, '{}', LEASE_MS);
  await store.nodes.reports([nodeId]);
  await store.nodes.quit(nodeId);
  await store.serverStats();
}

/** The rest expires within minutes. */
async function forget(client: RedisClient, prefix: string, nodeId: string, at: number): Promise<void> {
  const shard = shardPrefix(prefix, 0);
  const hourAt = at - (at % HOUR_MS);
  const keys = [
    ...shardKeys(shard),
    layoutKey(shard),
    `${shard}w`,
    `${shard}watch`,
    configKey(prefix),
    inboxKey(prefix, nodeId),
    hitsKey(prefix, hourAt),
    uniqueUsersKey(prefix, hourAt),
  ];
  // One by one, as they are of several slots of a Cluster.
  await Promise.all(keys.map((key) => client.unlink(key).catch(() => 0)));
}

function refusal(error: unknown): StoreError {
  const { cause, message } = error as Error;
  const text = cause instanceof Error ? cause.message : message;
  if (DENIAL.test(text)) {
    const [, reason] = /^(?:ERR |NOPERM )?(.*?)(?: script: .*)?$/s.exec(text) ?? [];
    const told = `the user of REDIS_URL is denied what a process needs (ACL LOG in Redis says which command): ${reason}`;
    return new StoreError('store_misconfigured', told);
  }
  if (error instanceof StoreError) return error.code === 'internal' ? new StoreError('internal', text) : error;
  if (isOutage(error)) return new StoreError('store_unavailable', describeOutage(error));
  return new StoreError('internal', message);
}
