/** Whether the figures are those of the server, or of the generator that could not keep up. */
import type { Histogram } from './histogram.ts';
import { duration, number } from './units.ts';

/** What one process did, second by second, while the plan ran. */
export interface ProcessLoad {
  /** Of one core, of each second. */
  readonly cpuShares: readonly number[];
}

const FULL_CORE = 0.9;
/** Seconds of a full core that are no accident. */
const MANY_SECONDS = 0.1;
const LATE_MS = 10;
const MANY_LATE = 0.01;

export interface OwnLimit {
  /** Of each process: mean and most of a core. */
  readonly cpu: readonly { readonly mean: number; readonly most: number }[];
  readonly lateShare: number;
  /** Why the generator is the limit, in words; none if it is not. */
  readonly reasons: readonly string[];
}

export function ownLimit(processes: readonly ProcessLoad[], late: Histogram): OwnLimit {
  const cpu = processes.map(({ cpuShares }) => ({
    mean: cpuShares.reduce((sum, share) => sum + share, 0) / Math.max(1, cpuShares.length),
    most: Math.max(0, ...cpuShares),
  }));
  const reasons: string[] = [];
  for (const [index, { cpuShares }] of processes.entries()) {
    const full = cpuShares.filter((share) => share >= FULL_CORE).length;
    if (full > cpuShares.length * MANY_SECONDS)
      reasons.push(`process ${index + 1} used a whole core in ${full} of ${cpuShares.length} s`);
  }
  const lateShare = late.shareAbove(LATE_MS);
  if (lateShare > MANY_LATE)
    reasons.push(`${number(lateShare * 100)} % of the acts were sent more than ${duration(LATE_MS)} late`);
  return { cpu, lateShare, reasons };
}
