import { describe, expect, test } from '@jest/globals';
import { backOffMs, retrying } from '../../presence-core/index.ts';

const FAST = { firstMs: 1, maxMs: 4 };

describe('back-off', () => {
  test('doubles up to the greatest pause, shortened by at most half', () => {
    const longest = [0, 1, 2, 3, 30].map((attempt) => backOffMs({ firstMs: 100, maxMs: 500 }, attempt, () => 1));
    expect(longest).toEqual([100, 200, 400, 500, 500]);
    expect(backOffMs({ firstMs: 100, maxMs: 500 }, 0, () => 0)).toBe(50);
  });
});

describe('retrying', () => {
  test('repeats until the act succeeds, and tells each failure with the pause that follows', async () => {
    const failures: [string, number][] = [];
    let attempts = 0;
    const result = await retrying(
      { ...FAST, failed: (error, retryInMs) => failures.push([(error as Error).message, retryInMs]) },
      async () => {
        attempts += 1;
        if (attempts < 4) throw new Error(`attempt ${attempts}`);
        return attempts;
      },
    );
    expect(result).toBe(4);
    expect(failures.map(([message]) => message)).toEqual(['attempt 1', 'attempt 2', 'attempt 3']);
    for (const [i, [, retryInMs]] of failures.entries()) expect(retryInMs).toBeLessThanOrEqual(2 ** i);
  });

  test('a failure that does not pass rejects at once', async () => {
    let attempts = 0;
    const act = async () => {
      attempts += 1;
      throw new TypeError('a bug');
    };
    await expect(retrying({ ...FAST, passes: (error) => !(error instanceof TypeError) }, act)).rejects.toThrow('a bug');
    expect(attempts).toBe(1);
  });

  test('an aborted signal ends the pause and the repetition', async () => {
    const stopping = new AbortController();
    let attempts = 0;
    const running = retrying({ firstMs: 3_600_000, maxMs: 3_600_000, signal: stopping.signal }, async () => {
      attempts += 1;
      throw new Error('away');
    });
    await new Promise((resolve) => setImmediate(resolve));
    stopping.abort();
    expect(await running).toBeUndefined();
    expect(attempts).toBe(1);
  });

  test('nothing is begun that is no longer wanted', async () => {
    let attempts = 0;
    const act = async () => {
      attempts += 1;
      throw new Error('away');
    };
    expect(await retrying({ ...FAST, wanted: () => attempts < 2 }, act)).toBeUndefined();
    expect(attempts).toBe(2);
  });
});
