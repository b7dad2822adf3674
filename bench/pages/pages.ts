/** Pages made of saved results: bench/README.md, its charts, and the comparison in README.md. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CATALOGUE } from '../catalogue.ts';
import { readResult, SAVED, type ScenarioResult } from '../results.ts';
import { benchReadme, chartsOf } from './bench-readme.ts';
import { comparisonText, withComparison } from './comparison.ts';

const README = 'README.md';
const BENCH_README = 'bench/README.md';
const CHARTS = join(SAVED, 'charts');

/** In the order of the catalogue. */
function savedResults(): ScenarioResult[] {
  return Object.keys(CATALOGUE).flatMap((scenario) => readResult(SAVED, scenario) ?? []);
}

/** The text that each file is to have. */
function pages(): Map<string, string> {
  const results = savedResults();
  const peers = results.find(({ scenario }) => scenario === 'peers');
  const files = new Map([[BENCH_README, benchReadme(CATALOGUE, results)]]);
  if (!peers) return files;
  files.set(README, withComparison(readFileSync(README, 'utf8'), comparisonText(peers)));
  for (const [name, svg] of Object.entries(chartsOf(peers))) files.set(join(CHARTS, name), svg);
  return files;
}

const chartFiles = (): string[] => (existsSync(CHARTS) ? readdirSync(CHARTS).map((name) => join(CHARTS, name)) : []);

/** @returns the files that are not what the results say, or that no result needs. */
export function stalePages(): string[] {
  const wanted = pages();
  const stale = [...wanted].filter(([file, text]) => !existsSync(file) || readFileSync(file, 'utf8') !== text);
  return [...stale.map(([file]) => file), ...chartFiles().filter((file) => !wanted.has(file))];
}

export function writePages(): void {
  const wanted = pages();
  for (const file of chartFiles()) if (!wanted.has(file)) rmSync(file);
  mkdirSync(CHARTS, { recursive: true });
  for (const [file, text] of wanted) writeFileSync(file, text);
}
