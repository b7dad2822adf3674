/** Which errors of Redis are an outage, and which a fault that nobody may be admitted for. */
import { describe, expect, test } from '@jest/globals';
import { ReplyError } from 'ioredis';
import { StoreError } from '../../presence-core/index.ts';
import { RedisFailures, toStoreError } from '../../presence-core/redis/failures.ts';

describe('[P14] an outage passes by waiting', () => {
  test.each([
    'LOADING Redis is loading the dataset in memory',
    "OOM command not allowed when used memory > 'maxmemory'. script: 1f, on @user_script:12.",
    "READONLY You can't write against a read only replica.",
    'MISCONF Redis is configured to save RDB snapshots, but is unable to persist to disk',
    'NOREPLICAS Not enough good replicas to write.',
    'MASTERDOWN Link with MASTER is down',
    'CLUSTERDOWN The cluster is down',
    'TRYAGAIN Multiple keys request during rehashing of slot',
    'BUSY Redis is busy running a script.',
    'ERR max number of clients reached',
  ])('%s', (message) => {
    expect(toStoreError(new ReplyError(message))).toMatchObject({ code: 'store_unavailable', retryable: true });
  });

  test.each(['Connection is closed.', 'Command timed out', 'connect ECONNREFUSED 10.0.0.9:6379'])('%s', (message) => {
    expect(toStoreError(new Error(message))).toMatchObject({ code: 'store_unavailable', retryable: true });
  });
});

describe('a fault does not', () => {
  test.each([
    new ReplyError('WRONGTYPE Operation against a key holding the wrong kind of value script: 1f'),
    new ReplyError("NOPERM this user has no permissions to run the 'evalsha' command"),
    new ReplyError("ERR user_script:31: attempt to index nil value (local 'row') script: 1f"),
    new TypeError("Cannot read properties of undefined (reading 'split')"),
  ])('%s', (error: Error) => {
    expect(toStoreError(error)).toMatchObject({ code: 'internal', retryable: false });
  });

  test('is reported once, and told to the caller', async () => {
    const warnings: unknown[] = [];
    const failures = new RedisFailures((message, details) => warnings.push([message, details]));
    const fault = new ReplyError('WRONGTYPE Operation against a key');
    for (let i = 0; i < 3; i += 1)
      await expect(failures.guard(Promise.reject(fault))).rejects.toBeInstanceOf(StoreError);
    expect(warnings).toEqual([['redis', { error: 'WRONGTYPE Operation against a key' }]]);
  });
});
