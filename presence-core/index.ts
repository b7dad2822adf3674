/** Public face of presence-core: everything outside imports from here. */

export { CLOCK_SLACK_MS, ConnectionNumbers, helloGapMs, isOfFormerTime } from './connection-numbers.ts';
export { isOutage, isOverload, isRetryable, StoreError, type StoreErrorCode } from './errors.ts';
export {
  areIds,
  escapeId,
  ID_PATTERN,
  ID_RULE,
  isId,
  isLabel,
  isMeta,
  LABEL_PATTERN,
  MAX_LIMIT,
  MAX_META_BYTES,
  MAX_META_FIELDS,
  unescapeId,
} from './ids.ts';
export { type CountedSession, MemoryCounts } from './memory/counts.ts';
export { MemoryStore, type MemoryStoreOptions } from './memory/memory-store.ts';
export { MemoryUsers, PARTS } from './memory/users.ts';
export type * from './presence-store.ts';
export { MAX_SHARDS } from './redis/brief-cursor.ts';
export type { RedisSecurity } from './redis/connection.ts';
export { checkRedis, type RedisReport } from './redis/redis-check.ts';
export { RedisStore, type RedisStoreOptions } from './redis/redis-store.ts';
export { parseRedisUrl } from './redis/redis-url.ts';
export { RECONNECT_MAX_MS } from './redis/timeouts.ts';
export * from './session.ts';
export { countSketches, mergeSketches } from './sketches.ts';
export type * from './store/analytics.ts';
export type * from './store/groups.ts';
export type * from './store/inbox.ts';
export type * from './store/limits.ts';
export type * from './store/log.ts';
export type * from './store/nodes.ts';
export type * from './store/reads.ts';
export type * from './store/sessions.ts';
export type * from './store/snapshots.ts';
export { chunks } from './toolkit/chunks.ts';
export { type DueLink, DueWheel, unfile } from './toolkit/due-wheel.ts';
export { ExpiringMap } from './toolkit/expiring-map.ts';
export { type Repeating, type RepeatOptions, repeating } from './toolkit/repeating.ts';
export { type BackOff, backOffMs, pause, type RetryOptions, retrying } from './toolkit/retrying.ts';
export { Semaphore } from './toolkit/semaphore.ts';
export { SharedRead, singleFlight } from './toolkit/single-flight.ts';
export { createTimeBound, type TimeBound } from './toolkit/time-bound.ts';
export { TimingWheel } from './toolkit/timing-wheel.ts';
