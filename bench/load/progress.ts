/** One line a second about what goes on; on a terminal in place of the line before. */
import type { LoadOptions } from './options.ts';
import type { Second } from './seconds.ts';
import type { Tally } from './tally.ts';
import { duration, number } from './units.ts';

/** Of a file or pipe. */
const EVERY_S = 5;

export function progressLine(
  { atMs, phase, here, tally, cpuShare }: Second,
  total: Tally,
  { players }: LoadOptions,
): string {
  const parts = [
    `${Math.round(atMs / 1_000)} s`.padStart(6),
    phase.padEnd(5),
    `players ${number(here)}/${number(players)}`,
  ];
  parts.push(`acts ${number(tally.countOf('acts'))}/s`);
  for (const name of ['welcome', 'resume', 'switch', 'status', 'change'] as const) {
    const histogram = tally.latencies.get(name);
    if (histogram?.count) parts.push(`${name} p99 ${duration(histogram.percentileMs(99))}`);
  }
  for (const name of ['refused', 'errors', 'violations'] as const) {
    const count = total.countOf(name);
    if (count > 0 || name === 'errors') parts.push(`${name} ${number(count)}`);
  }
  parts.push(`generator ${Math.round(cpuShare * 100)} % of a core`);
  return parts.join('  ');
}

export class Progress {
  private readonly out: NodeJS.WriteStream;
  private readonly options: LoadOptions;
  private seconds = 0;

  constructor(out: NodeJS.WriteStream, options: LoadOptions) {
    this.out = out;
    this.options = options;
  }

  show(second: Second, total: Tally): void {
    const line = progressLine(second, total, this.options);
    if (this.out.isTTY) this.out.write(`\r\x1b[K${line.slice(0, this.out.columns - 1)}`);
    else if (this.seconds++ % EVERY_S === 0) this.out.write(`${line}\n`);
  }

  end(): void {
    if (this.out.isTTY) this.out.write('\r\x1b[K');
  }
}
