/**
 * Real processes, players and dashboards, and what happens to them: afterwards a checker judges by what was seen from
 * outside. `npm run test:chaos -- <scenario> --seed N`; a seed repeats the plan of a run.
 */
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { type Fault, judge, type Verdict } from './checker/checker.ts';
import type { RunRecord } from './record.ts';
import { Rig } from './rig/rig.ts';
import { SCENARIOS } from './scenarios/index.ts';
import type { Scenario } from './scenarios/scenario.ts';

const DEFAULTS = { gateways: 3, players: 60, contended: 6 };
const TEST_MS = 180_000;
const { CHAOS_SCENARIO, CHAOS_SEED, CHAOS_SHORT } = process.env;

const chosen = SCENARIOS.filter(({ name, isShort }) =>
  CHAOS_SCENARIO ? name === CHAOS_SCENARIO : !CHAOS_SHORT || isShort,
);
if (chosen.length === 0)
  throw new Error(`no scenario ${CHAOS_SCENARIO}: ${SCENARIOS.map(({ name }) => name).join(', ')}`);
const seed = Number(CHAOS_SEED ?? Math.floor(Math.random() * 1_000_000));

interface Judged extends Verdict {
  readonly record: RunRecord;
}

async function run({ act, exempt, name: _, isShort: __, ...options }: Scenario): Promise<Judged> {
  const rig = await Rig.start({ ...DEFAULTS, ...options, seed });
  try {
    await act(rig);
    await rig.finish();
  } finally {
    await rig.stop();
  }
  return { ...judge(rig.record, exempt), record: rig.record };
}

/** Leaves what was seen for whoever looks for the cause. */
async function keep(name: string, { record }: Judged): Promise<void> {
  const file = join(tmpdir(), `presence-chaos-${name}-${seed}.json`);
  await writeFile(
    file,
    JSON.stringify(record, (_, value) => (value instanceof Set ? [...value] : value)),
  );
  process.stdout.write(`what was seen: ${file}\n`);
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
    if (verdict.faults.length > 0) await keep(name, verdict);
    expect(told(verdict.faults)).toEqual([]);
  },
  TEST_MS,
);
