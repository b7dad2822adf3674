/** The comparison with peers as README shows it, of saved results. */
import { CONTENDERS, type Contender, JOBS, type Job } from '../peers/contenders.ts';
import { keyOf } from '../peers/measures.ts';
import { REASONS } from '../peers/reasons.ts';
import { numberText } from '../report.ts';
import type { PartResult, ScenarioResult } from '../results.ts';

/** The one whose costs others are held against. */
const OURS = 'gateway-redis';
const CANNOT = '–';

interface Column {
  readonly job: Job;
  readonly title: string;
  /** The one by which contenders are compared. */
  readonly measure: string;
  readonly unit: string;
  /** Shown behind it, in brackets. */
  readonly beside?: (value: (measure: string) => string) => string;
}

export const COLUMNS: readonly Column[] = [
  { job: 'hold', title: 'hold a player for a minute, µs', measure: 'cpu', unit: 'µs' },
  { job: 'storm', title: 'storm, µs a player (players/s)', measure: 'cpu', unit: 'µs', beside: (v) => v('rate') },
  {
    job: 'fan-out',
    title: 'change to 50 watchers, µs (p50, p99 in ms)',
    measure: 'cpu',
    unit: 'µs',
    beside: (v) => `${v('p50')}, ${v('p99')}`,
  },
  { job: 'status', title: 'status of 100 ids, µs (answers/s)', measure: 'cpu', unit: 'µs', beside: (v) => v('rate') },
  {
    job: 'admission',
    title: '200 opens at the limit, µs an open (let in above it)',
    measure: 'cpu',
    unit: 'µs',
    beside: (v) => v('overshoot'),
  },
  { job: 'crash', title: 'a server dies: shown offline after, s', measure: 'lastS', unit: 's' },
];

/** What was measured; undefined: it was not. */
export function valueFor(result: ScenarioResult, job: Job, contender: string, measure: string): number | undefined {
  const key = keyOf(contender, measure);
  return result.parts[job]?.figures.find((figure) => figure.key === key)?.value;
}

/** @returns whether the contender does the job for less than this gateway over Redis. */
function isCheaper(result: ScenarioResult, { job, measure }: Column, { name }: Contender): boolean {
  const [value, ours] = [valueFor(result, job, name, measure), valueFor(result, job, OURS, measure)];
  return value !== undefined && ours !== undefined && value < ours;
}

const isPeer = ({ dialect }: Contender): boolean => dialect !== 'gateway';

function cellOf(result: ScenarioResult, column: Column, contender: Contender): string {
  const { job, measure, beside } = column;
  if (contender.cannot[job] !== undefined || contender.only?.includes(job) === false) return CANNOT;
  const show = (name: string): string => {
    const value = valueFor(result, job, contender.name, name);
    return value === undefined ? '?' : numberText(value);
  };
  if (job === 'crash' && Number(valueFor(result, job, contender.name, 'ghosts')) > 0) return 'never';
  if (show(measure) === '?') return 'not measured';
  const value = isPeer(contender) && isCheaper(result, column, contender) ? `**${show(measure)}**` : show(measure);
  return beside ? `${value} (${beside(show)})` : value;
}

/** @throws Error when a contender is cheaper and nobody has written why. */
function lossLines(result: ScenarioResult): string[] {
  return COLUMNS.flatMap((column): string[] => {
    const { job, measure, unit } = column;
    const byReason = new Map<string, string[]>();
    for (const contender of CONTENDERS.filter((one) => isPeer(one) && isCheaper(result, column, one))) {
      const why = contender.dialect === 'gateway' ? undefined : REASONS[job][contender.dialect];
      if (why === undefined)
        throw new Error(`${contender.title} is cheaper at ${job}: say why in bench/peers/reasons.ts`);
      const text = `${contender.title} ${numberText(valueFor(result, job, contender.name, measure) as number)}`;
      byReason.set(why, [...(byReason.get(why) ?? []), text]);
    }
    const ours = numberText(valueFor(result, job, OURS, measure) ?? Number.NaN);
    return [...byReason].map(([why, who]) => `- ${job}: ${who.join(', ')} against ${ours} ${unit}: ${why}.`);
  });
}

/** Where and when parts were measured, those of one run together. */
function runLines(parts: readonly [string, PartResult][]): string[] {
  const byRun = new Map<string, string[]>();
  for (const [name, { at, command, commit, machine }] of parts) {
    const { cpu, cores, node, redis } = machine;
    const run = `\`${command}\` on ${at.slice(0, 10)}, commit ${commit ?? 'unknown'}, ${cores} cores of ${cpu}, Node ${node}, Redis ${redis}`;
    byRun.set(run, [...(byRun.get(run) ?? []), name]);
  }
  return [...byRun].map(([run, names]) => `${byRun.size > 1 ? `${names.join(', ')}: ` : ''}${run}.`);
}

export function comparisonText(result: ScenarioResult): string {
  const rows = CONTENDERS.map((contender) => {
    const title = isPeer(contender) ? contender.title : `*${contender.title}*`;
    return `| ${[title, ...COLUMNS.map((column) => cellOf(result, column, contender))].join(' | ')} |`;
  });
  const losses = lossLines(result);
  const parts = JOBS.flatMap((job): [string, PartResult][] => {
    const part = result.parts[job];
    return part ? [[job, part]] : [];
  });
  return [
    `| | ${COLUMNS.map(({ title }) => title).join(' | ')} |`,
    `|---|${COLUMNS.map(() => '---|').join('')}`,
    ...rows,
    '',
    `CPU of servers and Redis together, medians of alternating rounds, one server process on one core. ${CANNOT}: it cannot do that job, or does it as the row above; **bold**: for less than this gateway over Redis. Spread, set-ups and what each cannot do: [bench/README.md](bench/README.md).`,
    ...runLines(parts),
    ...(losses.length > 0 ? ['', 'Where another is cheaper, and why:', '', ...losses] : []),
  ].join('\n');
}

export const MARK_BEGIN = '<!-- comparison -->';
export const MARK_END = '<!-- /comparison -->';

/** @returns the text with what is between the marks replaced. @throws Error when the marks are not there once each. */
export function withComparison(readme: string, comparison: string): string {
  const [before, rest, ...more] = readme.split(MARK_BEGIN);
  const [, after, ...evenMore] = rest?.split(MARK_END) ?? [];
  if (before === undefined || after === undefined || more.length + evenMore.length > 0) {
    throw new Error(`README.md must have ${MARK_BEGIN} and then ${MARK_END}, once each`);
  }
  return `${before}${MARK_BEGIN}\n${comparison}\n${MARK_END}${after}`;
}
