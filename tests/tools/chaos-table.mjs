/**
 * `npm run test:chaos:table`: all scenarios by three seeds (`-- --seeds 4,5`), one line each in bench/results/chaos.jsonl,
 * and of what is there the tables in bench/results/chaos.md, bench/FIGURES.md and README.md. Runs that are in the file are not run again: it
 * goes on where it was ended; delete the file to begin anew. `-- --only-table` runs nothing.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

const RESULTS = 'bench/results/chaos.jsonl';
const TABLE = 'bench/results/chaos.md';
const FIGURES = 'bench/FIGURES.md';
const README = 'README.md';
/** Where the table of README.md begins; it ends with its last row. */
const SHORT = '<!-- survival runs -->\n\n';
/** By the names of scenarios; the last one has the rest. */
const GROUPS = [
  ['Sentinel, Cluster', /^(sentinel|cluster)-/],
  ['one Redis, the database', /^(redis|database)-|^(reply-lost|functions-flush|flushall|password-rotation)$/],
  ['gateways, players, dashboards', /./],
];
const [BEGIN, END] = ['<!-- survival runs -->', '<!-- end of survival runs -->'];
const INVARIANTS = ['I1', 'I2', 'I3', 'I4', 'I5', 'I6', 'I7', 'I8'];

const { values } = parseArgs({
  options: { seeds: { type: 'string', default: '1,2,3' }, 'only-table': { type: 'boolean', default: false } },
});
let status = 0;
if (!values['only-table']) {
  for (const seed of values.seeds.split(',')) {
    const args = ['tests/tools/chaos.mjs', '--seed', seed, '--results', RESULTS];
    status = spawnSync(process.execPath, args, { stdio: 'inherit' }).status || status;
    writeTable();
  }
}
writeTable();
process.exitCode = status;

function writeTable() {
  const text = existsSync(RESULTS) ? readFileSync(RESULTS, 'utf8') : '';
  const table = tableOf(text);
  if (text === '') return;
  writeFileSync(TABLE, `# Survival runs\n\nMade by \`npm run test:chaos:table\`.\n\n${table}`);
  const [before, rest] = readFileSync(FIGURES, 'utf8').split(BEGIN);
  const after = rest?.split(END)[1];
  if (after === undefined) throw new Error(`${FIGURES} has no place for the table: ${BEGIN} … ${END}`);
  writeFileSync(FIGURES, `${before}${BEGIN}\n${table}${END}${after}`);
  const [above, below] = readFileSync(README, 'utf8').split(SHORT);
  if (below === undefined) throw new Error(`${README} has no place for the table: ${SHORT}`);
  writeFileSync(README, `${above}${SHORT}${shortTableOf(text)}${below.replace(/^(\|.*\n)*/, '')}`);
}

/** @param text lines of results, in the order in which they were run. */
function tableOf(text) {
  const byScenario = new Map();
  for (const line of text.split('\n').filter(Boolean)) {
    const run = JSON.parse(line);
    const runs = byScenario.get(run.scenario) ?? [];
    byScenario.set(run.scenario, [...runs, run]);
  }
  const rows = [...byScenario].map(([scenario, runs]) => {
    const most = (name) => (Math.max(...runs.map((run) => run[name])) / 1_000).toFixed(1);
    return `| ${scenario} | ${heldIn(runs)} | ${most('worstGhostMs')} s | ${most('longestStallMs')} s |`;
  });
  return ['| scenario | invariants held | worst ghost | longest stall |', '|---|---|---|---|', ...rows, ''].join('\n');
}

/** A row a group of scenarios. */
function shortTableOf(text) {
  const rows = GROUPS.map(() => []);
  for (const line of text.split('\n').filter(Boolean)) {
    const run = JSON.parse(line);
    rows[GROUPS.findIndex(([, names]) => names.test(run.scenario))].push(run);
  }
  const lines = rows.map((runs, group) => {
    const seconds = (name) => (Math.max(...runs.map((run) => run[name])) / 1_000).toFixed(1);
    const held = runs.filter((run) => run.broken.length === 0 && run.faults.length === 0).length;
    return `| ${GROUPS[group][0]} | ${held} of ${runs.length} | ${seconds('worstGhostMs')} s | ${seconds('longestStallMs')} s |`;
  });
  return ['| faults of | runs that held | worst ghost | longest stall |', '|---|---|---|---|', ...lines, ''].join('\n');
}

/** Of how many runs all held what is promised, else which did not. */
function heldIn(runs) {
  const exempt = INVARIANTS.filter((one) => runs.some((run) => run.exempt.includes(one)));
  const broken = INVARIANTS.map((one) => [one, runs.filter((run) => run.broken.includes(one)).length]);
  const notHeld = broken.filter(([, count]) => count > 0).map(([one, count]) => `**${one} not in ${count}**`);
  const cutShort = runs.filter((run) => run.broken.length === 0 && run.faults.length > 0).length;
  if (cutShort > 0) notHeld.push(`**${cutShort} did not come to their end**`);
  const promised = exempt.length > 0 ? `all but ${exempt.join(', ')} (not promised)` : 'all';
  return notHeld.length > 0
    ? `${notHeld.join(', ')} of ${runs.length}`
    : `${promised}, ${runs.length} of ${runs.length}`;
}
