/** What is kept of runs, one line of JSON each, in the file CHAOS_RESULTS: runs that are in it are not run again. */
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import type { Exempt, Verdict } from './checker/checker.ts';
import { figuresOf } from './verdicts.ts';

const FILE = process.env.CHAOS_RESULTS;

interface Line {
  readonly scenario: string;
  readonly seed: number;
}

export function wasRun(scenario: string, seed: number): boolean {
  if (FILE === undefined || !existsSync(FILE)) return false;
  const lines = readFileSync(FILE, 'utf8').split('\n').filter(Boolean);
  return lines.map((line) => JSON.parse(line) as Line).some((line) => line.scenario === scenario && line.seed === seed);
}

/** @param faults in words, also what kept the run from its end. */
export function note({ scenario, seed }: Line, verdict: Verdict, faults: readonly string[], exempt: Exempt = {}): void {
  if (FILE === undefined) return;
  const line = {
    scenario,
    seed,
    at: new Date().toISOString(),
    broken: [...new Set(verdict.faults.map(({ invariant }) => invariant))],
    exempt: Object.keys(exempt),
    ...figuresOf(verdict),
    faults: faults.slice(0, 5),
  };
  appendFileSync(FILE, `${JSON.stringify(line)}\n`);
}
