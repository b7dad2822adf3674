/** What `npm run bench -- --help` and `--list` say. */
import { BOUND_MS, type Catalogue } from './catalogue.ts';
import { OPTIONS_HELP, sizeName } from './options.ts';
import { isSized, type Part, type SizedPart, takesMsAt } from './part.ts';

/** Of parts that are measured at any. */
const LISTED_SIZES = [200_000, 1_000_000, 10_000_000];

/** `40 s` or `2 min`. */
export function durationText(ms: number): string {
  return ms < 120_000 ? `${Math.round(ms / 1_000)} s` : `${Math.round(ms / 60_000)} min`;
}

export function usageText(catalogue: Catalogue): string {
  const width = Math.max(...Object.keys(catalogue).map((name) => name.length));
  const lines = Object.entries(catalogue).map(
    ([name, parts]) => `  ${name.padEnd(width)}  ${Object.keys(parts).join(', ')}`,
  );
  const all = `  ${'all'.padEnd(width)}  the parts that --list marks, within ${durationText(BOUND_MS)}`;
  return `usage: npm run bench -- <scenario> [part] [options]

Measures on this machine, prints the figures and keeps them in bench/results/local/.
Exit codes: 0, or 1 when a part failed, or when a target was missed with --strict; 2 for a wrong command.

scenarios and their parts:
${[...lines, all].join('\n')}

${OPTIONS_HELP}
`;
}

/** A command, how long it takes, whether `all` runs it, and what it shows. */
function rowsOf(command: string, part: Part | SizedPart): string[][] {
  if (!isSized(part)) return [[command, durationText(part.takesMs), part.isInAll ? 'all' : '', part.shows]];
  return LISTED_SIZES.map((size) => [
    `${command} --sessions ${sizeName(size)}`,
    durationText(takesMsAt(part, size)),
    '',
    part.shows,
  ]);
}

export function listText(catalogue: Catalogue): string {
  const rows = Object.entries(catalogue).flatMap(([scenario, parts]) =>
    Object.entries(parts).flatMap(([name, part]) => rowsOf(`${scenario} ${name}`, part)),
  );
  const width = Math.max(...rows.map(([name = '']) => name.length));
  const lines = rows.map(
    ([name = '', takes = '', all = '', shows]) =>
      `${name.padEnd(width)}  ${takes.padStart(6)}  ${all.padEnd(3)}  ${shows}`,
  );
  return `${lines.join('\n')}\n`;
}
