/** How much totals of a node have grown in the last minutes, as far as the page saw them. */
import { useRef } from 'preact/hooks';
import type { Nodes } from './replies.ts';

type Totals = Readonly<Record<string, number>>;
interface Reading {
  readonly at: number;
  readonly startedAt: number;
  readonly admissions: Totals;
  readonly ended: Totals;
}

const WINDOW_MS = 300_000;

function grown(now: Totals, before: Totals): Totals {
  return Object.fromEntries(Object.entries(now).map(([key, total]) => [key, Math.max(0, total - (before[key] ?? 0))]));
}

interface Summary {
  readonly opened: number;
  readonly closed: number;
}

/** Summaries over which a rate is the mean: a second alone is mostly chance. */
const SUMMARIES = 10;

/** Joins and leaves a second, over the last summaries. */
export function useRates(summary: Summary | undefined): { joins: number; leaves: number } | undefined {
  const list = useRef<{ summary: Summary; at: number }[]>([]).current;
  const last = list[list.length - 1];
  if (summary && last?.summary !== summary) {
    list.push({ summary, at: Date.now() });
    if (list.length > SUMMARIES + 1) list.shift();
  }
  const [first, ...rest] = list;
  const end = rest[rest.length - 1];
  if (!first || !end) return undefined;
  const perMs = (pick: (each: Summary) => number): number =>
    rest.reduce((sum, each) => sum + pick(each.summary), 0) / Math.max(1, end.at - first.at);
  return { joins: perMs(({ opened }) => opened) * 1_000, leaves: perMs(({ closed }) => closed) * 1_000 };
}

export function useCounters(nodes: Nodes | undefined): { admissions?: Totals; ended?: Totals } {
  const readings = useRef<Reading[]>([]);
  if (!nodes) return {};
  const { startedAt, admissions, ended } = nodes.self;
  const list = readings.current;
  const last = list[list.length - 1];
  // Another process answers: its totals are of its own.
  if (last && Math.abs(last.startedAt - startedAt) > 1_000) list.length = 0;
  if (last?.admissions !== admissions) list.push({ at: Date.now(), startedAt, admissions, ended });
  while (list.length > 1 && Date.now() - (list[1] as Reading).at > WINDOW_MS) list.shift();
  const [first] = list as [Reading];
  return { admissions: grown(admissions, first.admissions), ended: grown(ended, first.ended) };
}
