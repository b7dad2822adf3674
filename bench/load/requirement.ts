/** `--require 'welcome.p99<50ms'`: what must hold at the end, else the command fails. */
import { LATENCY_NAMES, type LatencyName, type Tally } from './tally.ts';
import { duration, number } from './units.ts';

const STATISTICS = ['p50', 'p90', 'p99', 'p99.9', 'max', 'mean'] as const;
/** Counts that may be compared as such, or by `%` with the acts begun. */
const COUNTS = ['errors', 'refused', 'skipped', 'evicted', 'degraded', 'violations', 'acts'] as const;
const PATTERN = /^([a-z]+(?:\.[a-zA-Z0-9_.]+)?)\s*(<=|>=|<|>)\s*(\d+(?:\.\d+)?)\s*(ms|s|%|\/s)?$/;

export const REQUIREMENT_HELP = `a latency below with .${STATISTICS.join(', .')} in ms or s, or a
count (${COUNTS.join(', ')}, errors.<code>, closes.<code>) as a number, as % of the acts, or a second (acts>=100/s)`;

interface Measured {
  readonly value: number;
  readonly text: string;
}

export interface Requirement {
  readonly text: string;
  readonly isMet: (tally: Tally, elapsedMs: number) => Verdict;
}

export interface Verdict {
  readonly isMet: boolean;
  /** What was measured, for people. */
  readonly measured: string;
}

const COMPARE: Readonly<Record<string, (value: number, bound: number) => boolean>> = {
  '<': (value, bound) => value < bound,
  '<=': (value, bound) => value <= bound,
  '>': (value, bound) => value > bound,
  '>=': (value, bound) => value >= bound,
};

/** @throws Error that says what is wrong with it. */
export function readRequirement(text: string): Requirement {
  const [, name = '', comparison = '', digits, unit = ''] = PATTERN.exec(text.trim()) ?? [];
  const compare = COMPARE[comparison];
  if (!compare) throw new Error(`'${text}' is not a requirement such as welcome.p99<50ms or errors<0.1%`);
  const measure = measureOf(text, name, unit);
  const bound = Number(digits) * (unit === 's' ? 1_000 : 1);
  return {
    text: text.trim(),
    isMet: (tally, elapsedMs) => {
      const measured = measure(tally, elapsedMs);
      // What was never measured meets nothing.
      if (measured === undefined) return { isMet: false, measured: 'nothing measured' };
      return { isMet: compare(measured.value, bound), measured: measured.text };
    },
  };
}

type Measure = (tally: Tally, elapsedMs: number) => Measured | undefined;

function measureOf(text: string, name: string, unit: string): Measure {
  const [head = '', ...rest] = name.split('.');
  if ((LATENCY_NAMES as readonly string[]).includes(head)) return latencyOf(text, head as LatencyName, rest, unit);
  const isCode = (head === 'errors' || head === 'closes') && rest.length > 0;
  const isCount = rest.length === 0 && (COUNTS as readonly string[]).includes(head);
  if (!isCode && !isCount) throw new Error(`'${text}': nothing is called '${name}'. There is ${REQUIREMENT_HELP}`);
  if (unit === 'ms' || unit === 's')
    throw new Error(`'${text}': ${name} is a number, a % of the acts, or a second (/s)`);
  return (tally, elapsedMs) => {
    const count = tally.countOf(name);
    if (unit === '') return { value: count, text: number(count) };
    if (unit === '/s') {
      const value = elapsedMs > 0 ? (count * 1_000) / elapsedMs : 0;
      return { value, text: `${number(value)}/s` };
    }
    const acts = tally.countOf('acts');
    if (acts === 0) return undefined;
    const value = (count * 100) / acts;
    return { value, text: `${number(value)} %` };
  };
}

function latencyOf(text: string, name: LatencyName, rest: readonly string[], unit: string): Measure {
  const statistic = rest.join('.');
  if (!(STATISTICS as readonly string[]).includes(statistic))
    throw new Error(`'${text}': a latency has ${STATISTICS.join(', ')}, such as ${name}.p99<50ms`);
  if (unit !== 'ms' && unit !== 's') throw new Error(`'${text}': a latency is compared in ms or s`);
  return (tally) => {
    const histogram = tally.latencies.get(name);
    if (!histogram?.count) return undefined;
    const value =
      statistic === 'max'
        ? histogram.maxMs
        : statistic === 'mean'
          ? histogram.meanMs
          : histogram.percentileMs(Number(statistic.slice(1)));
    return { value, text: duration(value) };
  };
}
