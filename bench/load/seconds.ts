/** What happened second by second: the rows of `--csv`. */
import { LATENCY_NAMES, type Tally } from './tally.ts';

export type Phase = 'ramp' | 'hold' | 'leave';

export interface Second {
  /** From the first act. */
  readonly atMs: number;
  readonly phase: Phase;
  /** Players with a welcome. */
  readonly here: number;
  readonly tally: Tally;
  /** Of one core, of the busiest process. */
  readonly cpuShare: number;
}

/** Empty where nothing was measured. */
export type Row = readonly (string | number)[];

const COUNTS = ['acts', 'errors', 'refused', 'skipped', 'violations'] as const;

export const COLUMNS: readonly string[] = [
  'second',
  'phase',
  'players',
  ...COUNTS,
  'generator_cpu',
  ...LATENCY_NAMES.flatMap((name) => [`${name}_count`, `${name}_p50_ms`, `${name}_p99_ms`]),
];

const rounded = (value: number): number => Math.round(value * 1_000) / 1_000;

export function rowOf({ atMs, phase, here, tally, cpuShare }: Second): Row {
  const latencies = LATENCY_NAMES.flatMap((name) => {
    const histogram = tally.latencies.get(name);
    if (!histogram?.count) return [0, '', ''];
    return [histogram.count, rounded(histogram.percentileMs(50)), rounded(histogram.percentileMs(99))];
  });
  const counts = COUNTS.map((name) => tally.countOf(name));
  return [Math.round(atMs / 1_000), phase, here, ...counts, rounded(cpuShare), ...latencies];
}

export const csvOf = (rows: readonly Row[]): string => `${[COLUMNS, ...rows].map((row) => row.join(',')).join('\n')}\n`;
