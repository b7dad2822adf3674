/** What every scenario returns, and how it is shown: a table for people, JSON for machines. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';

export interface Figure {
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  /** What the design asks for, as text: `≤ 340`, `≥ 12,000` or `0`. */
  readonly target?: string;
}

/** Whether the figure is not what its target asks for; also when it cannot be said. */
export function isMissed({ value, target }: Figure): boolean {
  if (target === undefined) return false;
  const [, bound = '', digits] = /^([≤≥]?) ?([\d.,]+)$/.exec(target) ?? [];
  const wanted = Number(digits?.replaceAll(',', ''));
  if (bound === '≤') return !(value <= wanted);
  return bound === '≥' ? !(value >= wanted) : value !== wanted;
}

/** @param part of a scenario: shown, and not kept in results/. */
export function report(scenario: string, part: string | undefined, figures: readonly Figure[]): void {
  const number = (value: number): string =>
    value >= 1_000 ? Math.round(value).toLocaleString('en') : String(Number(value.toPrecision(3)));
  const missed = figures.filter(isMissed);
  const targetOf = (f: Figure): string => `${f.target ?? ''}${missed.includes(f) ? ' missed' : ''}`;
  const rows = figures.map((f) => [f.what, number(f.value), f.unit, targetOf(f)]);
  const head = ['figure', 'measured', 'unit', 'target'];
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => (row[column] as string).length)),
  );
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, i) => (i === 1 ? cell.padStart(widths[i] as number) : cell.padEnd(widths[i] as number)))
      .join('  ');
  process.stdout.write(
    `\n${part ? `${scenario} ${part}` : scenario}\n${line(head)}\n${widths.map((w) => '-'.repeat(w)).join('  ')}\n`,
  );
  for (const row of rows) process.stdout.write(`${line(row)}\n`);
  const withTarget = figures.filter((f) => f.target !== undefined).length;
  process.stdout.write(`\n${missed.length} of ${withTarget} targets missed${missed.length > 0 ? ':' : ''}\n`);
  for (const f of missed) process.stdout.write(`  ${f.what}: ${number(f.value)} ${f.unit}, wanted ${f.target}\n`);
  const result = {
    scenario,
    at: new Date().toISOString(),
    node: process.version,
    cpu: cpus()[0]?.model,
    cores: cpus().length,
    figures,
  };
  if (part === undefined) {
    mkdirSync('bench/results', { recursive: true });
    writeFileSync(`bench/results/${scenario}.json`, `${JSON.stringify(result, null, 2)}\n`);
  }
  process.stdout.write(`${JSON.stringify(result)}\n`);
}
