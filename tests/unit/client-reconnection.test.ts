import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { backoffMs, reconnectionAfter } from '../../gateway/client/reconnection.ts';
import { CLOSE_CODES } from '../../gateway/protocol/close-codes.ts';

describe('what a close code asks for', () => {
  test.each([
    [1000, 'never'],
    [1001, 'now'],
    [1009, 'never'],
    [4000, 'never'],
    [4001, 'never'],
    [4003, 'never'],
    [4008, 'never'],
    [4009, 'never'],
    [4010, 'never'],
    [4011, 'never'],
    [4012, 'never'],
    [4100, 'backoff'],
    [4129, 'backoff'],
    [4202, 'now'],
    [4203, 'now'],
    [4210, 'now'],
  ])('[W31] %i: %s', (code, expected) => {
    expect(reconnectionAfter(code)).toBe(expected);
  });

  test('W31 has every code, and its name', () => {
    const w31 = /^\*\*W31 [\s\S]*?(?=^\*\*W32 )/m.exec(readFileSync('gateway/protocol/PROTOCOL.md', 'utf8'))?.[0] ?? '';
    for (const [name, { code }] of Object.entries(CLOSE_CODES)) {
      expect(w31).toMatch(new RegExp(`^\\|.*\\b${code}\\b.*\\|.*\\b${name}\\b.*\\|.*\\|$`, 'm'));
    }
  });

  test('the table above has every code of the protocol', () => {
    expect(Object.values(CLOSE_CODES)).toHaveLength(16);
  });

  test('a connection that was cut, and codes of others, ask for a backoff; newer codes of ours go by their hundred', () => {
    for (const code of [1005, 1006, 1011, 1012, 1013, 1015, 3000, 4199])
      expect(reconnectionAfter(code)).toBe('backoff');
    expect(reconnectionAfter(4099)).toBe('never');
    expect(reconnectionAfter(4299)).toBe('now');
  });
});

test('[W31] the backoff doubles up to its cap, and jitter takes anything from none to all of it', () => {
  const most = Array.from({ length: 9 }, (_, attempt) => backoffMs(attempt, 500, 30_000, () => 1));
  expect(most).toEqual([500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
  expect(backoffMs(3, 500, 30_000, () => 0)).toBe(0);
  expect(backoffMs(3, 500, 30_000, () => 0.5)).toBe(2_000);
  expect(backoffMs(5_000, 500, 30_000, () => 1)).toBe(30_000);
});
