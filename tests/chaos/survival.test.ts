/**
 * Real processes, players and dashboards, and what happens to them: afterwards a checker judges by what was seen from
 * outside. `npm run test:chaos -- <scenario> --seed N`; a seed repeats the plan of a run.
 */
import { expect, test } from '@jest/globals';
import { judge, type Verdict } from './checker/checker.ts';
import { note, wasRun } from './results.ts';
import { Rig, USUAL } from './rig/rig.ts';
import { SCENARIOS } from './scenarios/index.ts';
import type { Scenario } from './scenarios/scenario.ts';
import { figuresOf, keep, told } from './verdicts.ts';

const TEST_MS = 240_000;
const { CHAOS_SCENARIO, CHAOS_SEED, CHAOS_SHORT, CHAOS_KEEP } = process.env;

const seed = Number(CHAOS_SEED ?? Math.floor(Math.random() * 1_000_000));
const wanted = SCENARIOS.filter(({ name, isShort }) =>
  CHAOS_SCENARIO ? name === CHAOS_SCENARIO : !CHAOS_SHORT || isShort,
);
if (wanted.length === 0)
  throw new Error(`no scenario ${CHAOS_SCENARIO}: ${SCENARIOS.map(({ name }) => name).join(', ')}`);
const chosen = wanted.filter(({ name }) => !wasRun(name, seed));
if (chosen.length < wanted.length) {
  const done = wanted.length - chosen.length;
  test(`${done} scenarios were run before (seed ${seed})`, () => {});
}

async function survive(scenario: Scenario): Promise<void> {
  const { name, exempt } = scenario;
  const lack = scenario.lacks?.();
  if (lack) {
    process.stdout.write(`${name} IS PASSED OVER: ${lack}\n`);
    return;
  }
  const { verdict, faults } = await run(scenario);
  note({ scenario: name, seed }, verdict, faults, exempt);
  process.stdout.write(`${name} --seed ${seed}: ${JSON.stringify(figuresOf(verdict))}\n`);
  expect(faults).toEqual([]);
}

interface Run {
  readonly verdict: Verdict;
  /** What was broken, and what kept the run from its end. */
  readonly faults: readonly string[];
}

async function run({ act, exempt, name, isShort: _, isAlone: __, lacks: ___, ...options }: Scenario): Promise<Run> {
  const rig = await Rig.start({ ...USUAL, ...options, seed });
  const faults: string[] = [];
  try {
    await act(rig);
    await rig.finish();
  } catch (error) {
    // What was seen until then may tell why.
    faults.push(String(error));
  } finally {
    await rig.stop();
  }
  const verdict = judge(rig.record, exempt);
  faults.push(...told(verdict.faults));
  if (faults.length > 0 || CHAOS_KEEP) await keep(name, rig.record);
  return { verdict, faults };
}

for (const scenario of chosen) {
  const { name } = scenario;
  test(`${name} (seed ${seed})`, () => survive(scenario), TEST_MS);
}
