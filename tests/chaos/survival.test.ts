/**
 * Real processes, players and dashboards, and what happens to them: afterwards a checker judges by what was seen from
 * outside. `npm run test:chaos -- <scenario> --seed N`; a seed repeats the plan of a run.
 */
import { expect, test } from '@jest/globals';
import { type Fault, judge, type Verdict } from './checker/checker.ts';
import { Rig } from './rig/rig.ts';
import { SCENARIOS } from './scenarios/index.ts';
import type { Scenario } from './scenarios/scenario.ts';

const DEFAULTS = { gateways: 3, players: 60, contended: 6 };
const TEST_MS = 180_000;
const { CHAOS_SCENARIO, CHAOS_SEED, CHAOS_SHORT } = process.env;

const chosen = SCENARIOS.filter(({ name, isShort }) =>
  CHAOS_SCENARIO ? name === CHAOS_SCENARIO : !CHAOS_SHORT || isShort,
);
const seed = Number(CHAOS_SEED ?? Math.floor(Math.random() * 1_000_000));

async function run({ act, exempt, name: _, isShort: __, ...options }: Scenario): Promise<Verdict> {
  const rig = await Rig.start({ ...DEFAULTS, ...options, seed });
  try {
    await act(rig);
    await rig.finish();
  } finally {
    await rig.stop();
  }
  return judge(rig.record, exempt);
}

const told = (faults: readonly Fault[]): string[] => faults.map(({ invariant, what }) => `${invariant}: ${what}`);

test.each(chosen.map((scenario) => [scenario.name, scenario] as const))(
  `%s (seed ${seed})`,
  async (name, scenario) => {
    const verdict = await run(scenario);
    const { worstGhostMs, p99StallMs, longestStallMs } = verdict;
    const figures = { worstGhostMs, p99StallMs, longestStallMs };
    process.stdout.write(
      `${name} --seed ${seed}: ${JSON.stringify(figures, (_, v) => (typeof v === 'number' ? Math.round(v) : v))}\n`,
    );
    expect(told(verdict.faults)).toEqual([]);
  },
  TEST_MS,
);
