/** The end of a run for people: latencies, errors, closes, invariants, the generator itself, and what was required. */
import type { Requirement, Verdict } from './requirement.ts';
import { closeName } from './returns.ts';
import type { RunResult } from './run.ts';
import { LATENCY_NAMES } from './tally.ts';
import { duration, number } from './units.ts';

export const PERCENTILES = [50, 90, 99, 99.9] as const;

export interface Judged {
  readonly requirement: Requirement;
  readonly verdict: Verdict;
}

export function judge(requirements: readonly Requirement[], { tally, elapsedMs }: RunResult): Judged[] {
  return requirements.map((requirement) => ({ requirement, verdict: requirement.isMet(tally, elapsedMs) }));
}

/** 1 if something that should hold did not, else 130 if the run was ended early. */
export function exitCode({ tally, isInterrupted }: RunResult, judged: readonly Judged[]): number {
  if (tally.countOf('violations') > 0 || judged.some(({ verdict }) => !verdict.isMet)) return 1;
  return isInterrupted ? 130 : 0;
}

function table(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] as readonly string[]).map((_, i) =>
    Math.max(...rows.map((row) => (row[i] as string).length)),
  );
  return rows.map((row) =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] as number) : cell.padStart(widths[i] as number))).join('  '),
  );
}

function latencyLines({ tally }: RunResult): string[] {
  const named = LATENCY_NAMES.filter((name) => (tally.latencies.get(name)?.count ?? 0) > 0);
  const head = ['latency', 'count', ...PERCENTILES.map((percent) => `p${percent}`), 'max'];
  const rows = named.map((name) => {
    const histogram = tally.histogram(name);
    const percentiles = PERCENTILES.map((percent) => duration(histogram.percentileMs(percent)));
    return [name, number(histogram.count), ...percentiles, duration(histogram.maxMs)];
  });
  return table([head, ...rows]);
}

function countLines({ tally, elapsedMs }: RunResult): string[] {
  const of = (name: string): number => tally.countOf(name);
  const acts = of('acts');
  const share = acts === 0 ? '' : ` (${number((of('errors') * 100) / acts)} % of the acts)`;
  const rate = elapsedMs > 0 ? `, ${number((acts * 1_000) / elapsedMs)}/s` : '';
  const lines = [`acts        ${number(acts)}${rate}; errors ${number(of('errors'))}${share}`];
  const others = [
    ['refused', 'refused at the limit'],
    ['evicted', 'evicted or ended from elsewhere'],
    ['degraded', 'let in unchecked'],
    ['lapsed', 'resumed too late, as new sessions'],
    ['skipped', 'not done, as the player was not there'],
  ].filter(([name]) => of(name as string) > 0);
  for (const [name, text] of others) lines.push(`            ${number(of(name as string))} ${text}`);
  const errors = tally.byCode('errors.');
  if (errors.length > 0)
    lines.push(`errors      ${errors.map(([code, count]) => `${code} ${number(count)}`).join(', ')}`);
  const closes = tally.byCode('closes.');
  if (closes.length > 0)
    lines.push(
      `closes      ${closes.map(([code, count]) => `${code} ${closeName(Number(code))} ${number(count)}`).join(', ')}`,
    );
  return lines;
}

function invariantLines({ tally, leftBehind }: RunResult): string[] {
  const violations = tally.countOf('violations');
  const checked = `${number(tally.countOf('checked.admissions'))} admissions, ${number(tally.countOf('checked.changes'))} changes told`;
  const lines = [
    `invariants  ${violations === 0 ? 'held' : `BROKEN ${number(violations)} times`}; checked: ${checked}`,
  ];
  for (const text of tally.violations) lines.push(`            ${text}`);
  if (leftBehind > 0)
    lines.push(`            ${number(leftBehind)} players could not leave: their sessions end by themselves`);
  return lines;
}

function generatorLines({ ownLimit: { cpu, lateShare, reasons } }: RunResult): string[] {
  const percent = (share: number): string => `${Math.round(share * 100)} %`;
  const cores = cpu.map(({ mean, most }) => `${percent(mean)} of a core (most ${percent(most)})`).join(', ');
  const lines = [`generator   ${cores}; ${number(lateShare * 100)} % of the acts over 10 ms late`];
  if (reasons.length > 0)
    lines.push(
      `            THE GENERATOR IS THE LIMIT: ${reasons.join('; ')}. Use more --processes, or another machine.`,
    );
  return lines;
}

export function summaryText(result: RunResult, judged: readonly Judged[]): string {
  const ended = result.isInterrupted ? ', ended early' : '';
  const met = ({ requirement, verdict }: Judged): string =>
    `required    ${requirement.text}: ${verdict.measured}, ${verdict.isMet ? 'met' : 'MISSED'}`;
  return `${[
    `${duration(result.elapsedMs)}${ended}, at most ${number(result.mostHere)} players, seed ${result.options.seed}`,
    '',
    ...latencyLines(result),
    '',
    ...countLines(result),
    ...invariantLines(result),
    ...generatorLines(result),
    ...judged.map(met),
  ].join('\n')}\n`;
}
