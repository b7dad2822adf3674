/** The end of a run for machines: JSON, and the text format of Prometheus. */
import { hostname } from 'node:os';
import type { RunResult } from './run.ts';
import { type Judged, PERCENTILES } from './summary.ts';
import { LATENCY_NAMES } from './tally.ts';

const US_PER_MS = 1_000;
const US_PER_S = 1e6;
const rounded = (ms: number): number => Math.round(ms * US_PER_MS) / US_PER_MS;
const seconds = (ms: number): number => Math.round(ms * US_PER_MS) / US_PER_S;

/** Without secrets: tokens and keys are not in it. */
export function jsonOf(result: RunResult, judged: readonly Judged[]): object {
  const { options, tally, ownLimit } = result;
  const { tokens, apiKey, mix, ...plain } = options;
  const latencies = LATENCY_NAMES.flatMap((name) => {
    const histogram = tally.latencies.get(name);
    if (!histogram?.count) return [];
    const percentiles = PERCENTILES.map((percent) => [`p${percent}Ms`, rounded(histogram.percentileMs(percent))]);
    const { count, meanMs, maxMs } = histogram;
    const figures = { count, meanMs: rounded(meanMs), ...Object.fromEntries(percentiles), maxMs: rounded(maxMs) };
    return [[name, figures] as const];
  });
  const counts = [...tally.counts].filter(([name]) => !name.startsWith('errors.') && !name.startsWith('closes.'));
  return {
    beganAt: result.beganAt,
    host: hostname(),
    node: process.version,
    processes: result.processes,
    options: { ...plain, mix: Object.fromEntries(mix), tokens: tokens.kind, hasApiKey: apiKey !== undefined },
    elapsedMs: rounded(result.elapsedMs),
    isInterrupted: result.isInterrupted,
    mostPlayers: result.mostHere,
    leftBehind: result.leftBehind,
    latencies: Object.fromEntries(latencies),
    counts: Object.fromEntries(counts),
    errors: Object.fromEntries(tally.byCode('errors.')),
    closes: Object.fromEntries(tally.byCode('closes.')),
    violations: tally.violations,
    generator: ownLimit,
    requirements: judged.map(({ requirement, verdict }) => ({ text: requirement.text, ...verdict })),
  };
}

export function prometheusOf({ tally, elapsedMs, mostHere }: RunResult): string {
  const lines: string[] = [];
  const metric = (name: string, type: string, help: string, samples: readonly (readonly [string, number])[]): void => {
    if (samples.length === 0) return;
    lines.push(`# HELP presence_load_${name} ${help}`, `# TYPE presence_load_${name} ${type}`);
    for (const [rest, value] of samples) lines.push(`presence_load_${name}${rest} ${value}`);
  };
  const histograms = LATENCY_NAMES.flatMap((name) => {
    const histogram = tally.latencies.get(name);
    return histogram?.count ? [{ name, histogram }] : [];
  });
  metric(
    'latency_seconds',
    'summary',
    'Latency from the instant at which an act was due.',
    histograms.flatMap(({ name, histogram }) => [
      ...PERCENTILES.map((percent): [string, number] => [
        `{name="${name}",quantile="${rounded(percent / 100)}"}`,
        seconds(histogram.percentileMs(percent)),
      ]),
      [`_sum{name="${name}"}`, seconds(histogram.meanMs * histogram.count)] as const,
      [`_count{name="${name}"}`, histogram.count] as const,
    ]),
  );
  const byCode = (prefix: string): [string, number][] =>
    tally.byCode(prefix).map(([code, count]) => [`{code="${code}"}`, count]);
  for (const name of ['acts', 'refused', 'skipped', 'violations'])
    metric(`${name}_total`, 'counter', `Number of ${name}.`, [['', tally.countOf(name)]]);
  metric('errors_total', 'counter', 'Acts that failed.', byCode('errors.'));
  metric('closes_total', 'counter', 'Closes by the server.', byCode('closes.'));
  metric('elapsed_seconds', 'gauge', 'Length of the run.', [['', seconds(elapsedMs)]]);
  metric('players', 'gauge', 'Most players at once.', [['', mostHere]]);
  return `${lines.join('\n')}\n`;
}
