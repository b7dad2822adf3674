/** Results as they are kept: a file for each scenario, in it the last run of each part. */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Machine, MachineLoad } from './machine.ts';
import type { Figure } from './report.ts';

export interface PartResult {
  readonly command: string;
  /** ISO 8601. */
  readonly at: string;
  readonly tookMs?: number;
  readonly commit?: string | undefined;
  readonly machine: Partial<Machine>;
  readonly load?: MachineLoad;
  readonly figures: readonly Figure[];
}

export interface ScenarioResult {
  readonly scenario: string;
  readonly parts: Readonly<Record<string, PartResult>>;
}

/** Under version control. */
export const SAVED = 'bench/results';
/** Of this machine only. */
export const LOCAL = 'bench/results/local';

const fileOf = (folder: string, scenario: string): string => join(folder, `${scenario}.json`);

export function readResult(folder: string, scenario: string): ScenarioResult | undefined {
  const file = fileOf(folder, scenario);
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8'), endless) as ScenarioResult) : undefined;
}

/** JSON has no infinity, which is what a figure is that never came: it is kept as null. */
const endless = (_: string, value: unknown): unknown => (value === null ? Number.POSITIVE_INFINITY : value);

/** Keeps one part; what the file says of other parts stays. A run that is cut leaves what it had. @returns the file. */
export function keepPart(folder: string, scenario: string, part: string, result: PartResult): string {
  const file = fileOf(folder, scenario);
  mkdirSync(dirname(file), { recursive: true });
  const parts = { ...readResult(folder, scenario)?.parts, [part]: result };
  writeFileSync(`${file}.new`, `${JSON.stringify({ scenario, parts }, null, 2)}\n`);
  renameSync(`${file}.new`, file);
  return file;
}
