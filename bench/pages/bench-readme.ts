/** bench/README.md and its charts, of saved results. */
import type { Catalogue } from '../catalogue.ts';
import { durationText, listText } from '../help.ts';
import { OPTIONS_HELP } from '../options.ts';
import { CONTENDERS, JOBS } from '../peers/contenders.ts';
import { keyOf } from '../peers/measures.ts';
import { type Figure, isMissed, numberText, spreadText } from '../report.ts';
import type { PartResult, ScenarioResult } from '../results.ts';
import { type Bar, barChart } from './chart.ts';
import { COLUMNS } from './comparison.ts';

const PEERS = 'peers';

const cell = (text: string): string => text.replaceAll('|', '\\|');

function figureTable(figures: readonly Figure[]): string[] {
  return [
    '| figure | measured | unit | spread | target |',
    '|---|---:|---|---|---|',
    ...figures.map((f) => {
      const target = `${f.target ?? ''}${isMissed(f) ? ' **missed**' : ''}`;
      return `| ${[f.what, numberText(f.value), f.unit, spreadText(f), target].map(cell).join(' | ')} |`;
    }),
  ];
}

function runLine({ at, command, commit, machine, load, tookMs }: PartResult): string {
  const { cpu, cores, node, redis, memoryGb, kernel } = machine;
  const facts = [
    `\`${command}\`, ${at.slice(0, 16).replace('T', ' ')} UTC`,
    commit === undefined ? 'commit not kept' : `commit ${commit}`,
    tookMs === undefined ? '' : durationText(tookMs),
    `${cores} cores of ${cpu}`,
    memoryGb === undefined ? '' : `${memoryGb} GB`,
    kernel === undefined ? '' : `Linux ${kernel}`,
    `Node ${node}`,
    redis === undefined ? '' : `Redis ${redis}`,
    load === undefined
      ? 'load of the machine not kept'
      : `load average ${numberText(load.before[0] ?? 0)} before, ${numberText(load.after[0] ?? 0)} after${load.othersPercent === undefined ? '' : `, other processes ${load.othersPercent.toFixed(1)} % of all cores`}`,
  ];
  return `${facts.filter((fact) => fact !== '').join('; ')}.`;
}

function barsOf(measure: string, figures: readonly Figure[]): Bar[] {
  const bars = CONTENDERS.flatMap(({ name, title, dialect }): Bar[] => {
    const figure = figures.find(({ key }) => key === keyOf(name, measure));
    if (!figure) return [];
    const { samples } = figure;
    const range: [number, number] | undefined =
      samples && samples.length > 1 ? [Math.min(...samples), Math.max(...samples)] : undefined;
    const text = numberText(figure.value);
    return [{ label: title, value: figure.value, text, isOurs: dialect === 'gateway', ...(range && { range }) }];
  });
  return bars.sort((a, b) => a.value - b.value);
}

/** By the name of the file. */
export function chartsOf(peers: ScenarioResult): Record<string, string> {
  const charts: Record<string, string> = {};
  for (const { job, title, measure } of COLUMNS) {
    const bars = barsOf(measure, peers.parts[job]?.figures ?? []);
    if (bars.length > 0) charts[`${job}.svg`] = barChart(title.replace(/ \(.*/, ''), bars);
  }
  return charts;
}

function peersIntroduction(): string[] {
  const cannot = CONTENDERS.flatMap(({ title, cannot }) =>
    JOBS.flatMap((job) => (cannot[job] === undefined ? [] : [`| ${title} | ${job} | ${cannot[job]} |`])),
  );
  return [
    '## Peers',
    '',
    'Each is set up as well as we know how to, on loopback, one server process on one core, Redis and clients on the other:',
    '',
    '| contender | set up |',
    '|---|---|',
    ...CONTENDERS.map(({ title, name, what }) => `| ${title} (\`${name}\`) | ${cell(what)} |`),
    '',
    'What a contender cannot do:',
    '',
    '| contender | job | why |',
    '|---|---|---|',
    ...cannot,
    '',
    'They are installed only for this: `npm ci --ignore-scripts --prefix bench/peers`, and on Debian `apt-get install nginx libnginx-mod-nchan mosquitto`. Those that are not installed are left out, and the run says which.',
    '',
    'All contenders hold their players at the same time; in the other jobs they take turns. Pongs come spread over 80 ms, as from a real network. Leases of sessions are renewed every 200 s (about 13 µs each): windows of 30 s may miss that. Clients share a core with Redis, so rates are less than a server could do: compare the CPU.',
  ];
}

export function benchReadme(catalogue: Catalogue, results: readonly ScenarioResult[]): string {
  const peers = results.find(({ scenario }) => scenario === PEERS);
  const charts = Object.keys(peers ? chartsOf(peers) : {});
  const sections = results.flatMap(({ scenario, parts }) => [
    ...(scenario === PEERS ? peersIntroduction() : [`## ${scenario}`]),
    '',
    ...Object.entries(parts).flatMap(([name, part]) => [
      `### ${scenario} ${name}`,
      '',
      ...(scenario === PEERS && charts.includes(`${name}.svg`) ? [`![${name}](results/charts/${name}.svg)`, ''] : []),
      ...figureTable(part.figures),
      '',
      runLine(part),
      '',
    ]),
  ]);
  return [
    '<!-- Written by npm run bench:pages from bench/results/*.json: change those, or bench/pages/. -->',
    '# Bench',
    '',
    '`npm run bench -- <scenario> [part]` measures on your machine. Results go to `bench/results/local/`; with `--save` to `bench/results/`, from which this page, its charts and the comparison in README are made (`npm run bench:pages`; `npm run check` fails when they are older than the results). A file keeps the last run of each part: figures, raw samples, command, commit, machine and its load. A part is kept as soon as it ends: after a run that was cut, run only what is missing, such as `npm run bench -- peers crash --save`.',
    '',
    '```',
    listText(catalogue).trimEnd(),
    '',
    OPTIONS_HELP,
    '```',
    '',
    ...(peers ? [] : [...peersIntroduction(), '', 'No results are saved yet: `npm run bench -- peers --save`.', '']),
    ...sections,
  ]
    .join('\n')
    .replace(/\n+$/, '\n');
}
