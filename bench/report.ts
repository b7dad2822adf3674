/** What every scenario returns, and how it is shown: a table for people, JSON for machines. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';

export interface Figure {
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  /** What the design asks for, as text: `≤ 340`. */
  readonly target?: string;
}

/** @param part of a scenario: shown, and not kept in results/. */
export function report(scenario: string, part: string | undefined, figures: readonly Figure[]): void {
  const number = (value: number): string =>
    value >= 1_000 ? Math.round(value).toLocaleString('en') : String(Number(value.toPrecision(3)));
  const rows = figures.map((f) => [f.what, number(f.value), f.unit, f.target ?? '']);
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
