/** Judges a run by its record alone: each invariant by its own rule, each fault in words. */
import type { RunRecord } from '../record.ts';
import { checkCounts } from './counts.ts';
import { checkDashboards } from './dashboards.ts';
import { checkGhosts } from './ghosts.ts';
import { checkHistory } from './history.ts';
import { checkLimit } from './limit.ts';
import { checkLive } from './live.ts';
import { checkProcesses } from './processes.ts';
import { checkTold } from './told.ts';

export const INVARIANTS = {
  I1: 'no live player is shown offline or thrown out',
  I2: 'no ghost beyond its bound',
  I3: 'never more admitted than the limit',
  I4: 'each change told once, and dashboards show what is',
  I5: 'counts are what is there',
  I6: 'no crash, no flood, memory bounded',
  I7: 'history has each ended session once, with its times',
  I8: 'what cannot be kept is said within 3 s',
} as const;

export type Invariant = keyof typeof INVARIANTS;

export interface Fault {
  readonly invariant: Invariant;
  readonly what: string;
}

/** What a scenario may not promise, and why. */
export type Exempt = Partial<Record<Invariant, string>>;

export interface Verdict {
  readonly faults: readonly Fault[];
  readonly worstGhostMs: number;
  /** Of players' questions that were answered, on gateways that were not away. */
  readonly longestStallMs: number;
  readonly p99StallMs: number;
}

export function judge(run: RunRecord, exempt: Exempt = {}): Verdict {
  const ghosts = checkGhosts(run);
  const found: Fault[] = [
    ...named('I1', checkLive(run)),
    ...named('I2', ghosts.faults),
    ...named('I3', checkLimit(run)),
    ...named('I4', checkDashboards(run)),
    ...named('I5', checkCounts(run)),
    ...named('I6', checkProcesses(run)),
    ...named('I7', checkHistory(run)),
    ...named('I8', checkTold(run)),
  ];
  const stalls = stallsOf(run);
  return {
    faults: found.filter(({ invariant }) => !(invariant in exempt)),
    worstGhostMs: ghosts.worstMs,
    longestStallMs: stalls.at(-1) ?? 0,
    p99StallMs: stalls[Math.floor(stalls.length * 0.99)] ?? 0,
  };
}

function named(invariant: Invariant, faults: readonly string[]): Fault[] {
  return faults.map((what) => ({ invariant, what }));
}

function stallsOf(run: RunRecord): number[] {
  const all = run.sessions.flatMap(({ events }) => events).filter((event) => event.what === 'alive');
  return all.map(({ tookMs }) => tookMs).sort((a, b) => a - b);
}
