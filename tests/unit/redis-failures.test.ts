/** Which errors of Redis are an outage, and which a fault that nobody may be admitted for. */
import { describe, expect, test } from '@jest/globals';
import { ReplyError } from 'ioredis';
import { StoreError } from '../../presence-core/index.ts';
import { RedisFailures, toStoreError } from '../../presence-core/redis/failures.ts';
import { NoAnswer } from '../../presence-core/redis/outage.ts';

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
    new ReplyError("NOPERM this user has no permissions to run the 'fcall' command"),
    new ReplyError("ERR user_function:31: attempt to index nil value (local 'row') script: presence_1f_open"),
    new TypeError("Cannot read properties of undefined (reading 'split')"),
  ])('%s', (error: Error) => {
    expect(toStoreError(error)).toMatchObject({ code: 'internal', retryable: false });
  });

  test('is reported once a minute with a count, and told to the caller', async () => {
    const { failures, lines, pass } = observed();
    const fault = new ReplyError('WRONGTYPE Operation against a key');
    for (let i = 0; i < 3; i += 1)
      await expect(failures.guard(Promise.reject(fault))).rejects.toBeInstanceOf(StoreError);
    expect(lines).toEqual([[FAULT, { error: fault.message, failures: 1 }]]);
    pass(60_000);
    failures.report(fault);
    expect(lines).toEqual([
      [FAULT, { error: fault.message, failures: 1 }],
      [FAULT, { error: fault.message, failures: 3 }],
    ]);
  });
});

const FAULT = 'a Redis command failed, by a fault of this program or of the data';

/** Failures under a clock that the test sets, and the lines that an operator reads. */
function observed(): { failures: RedisFailures; lines: unknown[]; pass: (ms: number) => void } {
  const lines: unknown[] = [];
  let now = 1_000_000;
  const failures = new RedisFailures(
    (message, details) => lines.push(details === undefined ? message : [message, details]),
    () => {},
    () => now,
  );
  return {
    failures,
    lines,
    pass: (ms) => {
      now += ms;
    },
  };
}

const refused = (): Error =>
  Object.assign(new Error('connect ECONNREFUSED 10.0.0.9:6379'), {
    code: 'ECONNREFUSED',
    address: '10.0.0.9',
    port: 6379,
  });
const notWritable = (): Error => new Error("Stream isn't writeable and enableOfflineQueue options is false");

describe('[P14] an outage is told when it begins, each minute, and when it is over', () => {
  test('whatever its failures are', () => {
    const { failures, lines, pass } = observed();
    for (let second = 0; second < 150; second += 1) {
      failures.report(notWritable());
      failures.report(refused());
      pass(1_000);
    }
    failures.answered();
    expect(lines).toEqual([
      'Redis does not answer: not connected',
      ['Redis does not answer: connection refused (10.0.0.9:6379)', { failures: 121, awayMs: 60_000 }],
      ['Redis does not answer: connection refused (10.0.0.9:6379)', { failures: 241, awayMs: 120_000 }],
    ]);
    pass(5_000);
    failures.answered();
    failures.answered();
    expect(lines.slice(3)).toEqual([['Redis answers again', { failures: 300, awayMs: 149_000 }]]);
    failures.report(refused());
    expect(lines.slice(4)).toEqual(['Redis does not answer: connection refused (10.0.0.9:6379)']);
  });

  test('a Redis that refuses writes and answers reads is away until no call fails', () => {
    const { failures, lines, pass } = observed();
    for (let second = 0; second < 30; second += 1) {
      failures.answered();
      failures.report(new ReplyError('OOM command not allowed when used memory > maxmemory'));
      pass(1_000);
    }
    expect(lines).toEqual(['Redis refuses commands: out of memory (maxmemory)']);
  });
});

describe('[P14] causes are in words', () => {
  const words = (error: Error): string => toStoreError(error).message;
  test.each([
    ['Redis does not answer: connection refused (10.0.0.9:6379)', refused()],
    ['Redis does not answer: not connected', notWritable()],
    ['Redis does not answer: no answer within 1000 ms', new Error('Command timed out')],
    ['Redis does not answer: no answer within 3000 ms', new NoAnswer(3_000)],
    ['Redis refuses commands: loading its data', new ReplyError('LOADING Redis is loading the dataset in memory')],
    ['Redis refuses commands: read only, as it is a replica', new ReplyError("READONLY You can't write")],
  ])('%s', (expected, error) => expect(words(error)).toBe(expected));

  test('of a host with several addresses, and of the last node of a Cluster', () => {
    expect(words(Object.assign(new AggregateError([refused()], ''), { code: 'ECONNREFUSED' }))).toContain('10.0.0.9');
    const last = { lastNodeError: new Error('Command timed out') };
    expect(words(Object.assign(new Error('Failed to refresh slots cache.'), last))).toBe(
      'Redis does not answer: no node of the Cluster answers (no answer within 1000 ms)',
    );
  });

  test('an outage carries no second text, a fault carries what failed', () => {
    expect(toStoreError(refused()).cause).toBeUndefined();
    const fault = new TypeError('x is not a function');
    expect(toStoreError(fault)).toMatchObject({ message: 'a Redis command failed', cause: fault });
  });
});
