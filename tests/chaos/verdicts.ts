/** What is told of a run that was judged. */
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Fault, Verdict } from './checker/checker.ts';
import type { RunRecord } from './record.ts';

/** Leaves what was seen for whoever looks for the cause. */
export async function keep(name: string, record: RunRecord): Promise<void> {
  const file = join(tmpdir(), `presence-chaos-${name}-${record.seed}.json`);
  await writeFile(
    file,
    JSON.stringify(record, (_, value) => (value instanceof Set ? [...value] : value)),
  );
  process.stdout.write(`what was seen: ${file}\n`);
}

/** In whole ms. */
export function figuresOf({ worstGhostMs, p99StallMs, longestStallMs }: Verdict): Record<string, number> {
  const figures = Object.entries({ worstGhostMs, p99StallMs, longestStallMs });
  return Object.fromEntries(figures.map(([name, ms]) => [name, Math.round(ms)]));
}

export function told(faults: readonly Fault[]): string[] {
  return faults.map(({ invariant, what }) => `${invariant}: ${what}`);
}
