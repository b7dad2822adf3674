/** What the bench keeps of a run. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { othersPercent, readTicks, watchMachine } from '../../bench/machine.ts';
import { figuresOf } from '../../bench/peers/measures.ts';
import { figuresText, numberText, spreadText } from '../../bench/report.ts';
import { keepPart, readResult } from '../../bench/results.ts';
import { takeTurns } from '../../bench/rounds.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bench-results-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const part = (value: number): Parameters<typeof keepPart>[3] => ({
  command: 'npm run bench -- peers',
  at: '2026-11-29T00:00:00.000Z',
  machine: { cores: 2 },
  figures: [{ what: 'anything', value, unit: 's', samples: [value] }],
});

test('a part is kept with its samples, and what a file says of other parts stays', () => {
  expect(readResult(folder, 'peers')).toBeUndefined();
  keepPart(folder, 'peers', 'hold', part(1));
  keepPart(folder, 'peers', 'storm', part(2));
  expect(keepPart(folder, 'peers', 'hold', part(3))).toBe(join(folder, 'peers.json'));
  expect(readResult(folder, 'peers')).toEqual({ scenario: 'peers', parts: { hold: part(3), storm: part(2) } });
  expect(readdirSync(folder)).toEqual(['peers.json']);
});

test('a figure that never came is endless, also when it is read again', () => {
  const never = part(Number.POSITIVE_INFINITY);
  keepPart(folder, 'scale', 'snapshots', never);
  const kept = readResult(folder, 'scale')?.parts.snapshots;
  expect(kept).toEqual(never);
  expect(figuresText('', kept?.figures ?? [])).toContain('∞');
});

const CPU = (busy: number, idle: number): string => `cpu  ${busy} 0 0 ${idle} 0 0 0 0 0 0\ncpu0 9 9 9 9\n`;
const OWN = (user: number, system: number, childUser: number, childSystem: number): string =>
  `1 (a) b) c) S 2 3 4 5 6 7 8 9 10 11 ${user} ${system} ${childUser} ${childSystem} 20 0`;

test.each([
  ['nobody else', CPU(110, 190), OWN(5, 1, 3, 1), 0],
  ['others half of all', CPU(160, 140), OWN(5, 1, 3, 1), 25],
  ['own children did all', CPU(200, 100), OWN(0, 0, 60, 40), 0],
  ['more own than busy, by rounding', CPU(110, 190), OWN(20, 0, 0, 0), 0],
])('others’ share of all cores: %s', (_, stat, own, percent) => {
  expect(othersPercent(readTicks(CPU(100, 0), OWN(0, 0, 0, 0)), readTicks(stat, own))).toBe(percent);
});

test('time that the kernel spends on interrupts and that was stolen is busy, time of waiting for disks is not', () => {
  expect(readTicks('cpu  1 2 4 8 16 32 64 128 0 0', OWN(1, 2, 3, 4))).toEqual({ busy: 231, all: 255, own: 10 });
});

test('this machine is watched', () => {
  const load = watchMachine()();
  expect(load).toMatchObject({ before: [expect.any(Number), expect.any(Number), expect.any(Number)] });
  expect(load.othersPercent).toBeGreaterThanOrEqual(0);
});

test.each([
  [0, '0'],
  [0.0658, '0.0658'],
  [12.345, '12.3'],
  [1_234.5, '1,235'],
])('%d is shown as %s', (value, text) => {
  expect(numberText(value)).toBe(text);
});

test('a spread is the least and the most, and only of more than one sample', () => {
  const figure = { what: 'a', value: 2, unit: 's' };
  expect(spreadText(figure)).toBe('');
  expect(spreadText({ ...figure, samples: [2] })).toBe('');
  expect(spreadText({ ...figure, samples: [2, 1, 3000] })).toBe('1 … 3,000');
});

test('what is missed is marked in the table', () => {
  const lines = figuresText('peers crash', [
    { what: 'kept', value: 1, unit: 's', target: '≤ 2' },
    { what: 'broken', value: 3, unit: 's', target: '≤ 2', samples: [1, 5] },
  ]).split('\n');
  expect(lines.find((line) => line.startsWith('kept'))).toMatch(/1 {2}s +≤ 2$/);
  expect(lines.find((line) => line.startsWith('broken'))).toMatch(/3 {2}s +1 … 5 +≤ 2 missed$/);
});

test('samples become medians; targets are those of the gateway alone; what a round did not give is left out', () => {
  const figures = figuresOf('crash', [
    {
      name: 'gateway-redis',
      title: 'ours',
      samples: [{ ghosts: 0, lastS: 9 }, { ghosts: 0, lastS: 11 }, { ghosts: 4 }],
    },
    { name: 'socketio', title: 'other', samples: [{ ghosts: 300 }] },
  ]);
  expect(figures.map(({ key, value, target }) => [key, value, target])).toEqual([
    ['gateway-redis/lastS', 10, '≤ 11.5'],
    ['gateway-redis/ghosts', 0, '0'],
    ['socketio/ghosts', 300, undefined],
  ]);
  expect(figures[1]?.samples).toEqual([0, 0, 4]);
});

test('contenders take turns, each in its place of the order once, after a turn that is not counted', async () => {
  const order: string[] = [];
  const turn = (name: string) => async (): Promise<string> => {
    order.push(name);
    return `${name}${order.length}`;
  };
  const results = await takeTurns({ a: turn('a'), b: turn('b'), c: turn('c') }, 3);
  expect(order.join('')).toBe('abc' + 'abc' + 'bca' + 'cab');
  expect(results).toEqual({ a: ['a4', 'a9', 'a11'], b: ['b5', 'b7', 'b12'], c: ['c6', 'c8', 'c10'] });
});
