/**
 * One rig for many minutes, and faults at random: rounds of one or two of them, together or one after the other, each
 * judged when it is quiet again. What was seen in a round is forgotten after it, so that a run may last for hours.
 * `npm run soak -- --minutes 10 --seed N`; a seed repeats the plan.
 */
import { expect, test } from '@jest/globals';
import { randomOf } from '../support/seeds.ts';
import { type Exempt, judge } from './checker/checker.ts';
import { now } from './record.ts';
import { Rig, USUAL } from './rig/rig.ts';
import { nextRound, type Round } from './soak-plan.ts';
import { figuresOf, keep, told } from './verdicts.ts';

const MINUTE_MS = 60_000;
const ROUND_MS = 3 * MINUTE_MS;
const minutes = Number(process.env.SOAK_MINUTES ?? 10);
const seed = Number(process.env.CHAOS_SEED ?? Math.floor(Math.random() * 1_000_000));

async function act(rig: Rig, { faults, gapMs, isTogether }: Round): Promise<void> {
  if (isTogether) {
    const acts = faults.map(async (fault, i) => {
      if (i > 0) await rig.pause(gapMs);
      await fault.act(rig);
    });
    await Promise.all(acts);
    return;
  }
  for (const fault of faults) {
    await fault.act(rig);
    await rig.pause(gapMs);
  }
}

test(
  `${minutes} minutes of faults (seed ${seed})`,
  async () => {
    process.stdout.write(`soak --minutes ${minutes} --seed ${seed}\n`);
    const plan = randomOf(seed);
    const endAt = now() + minutes * MINUTE_MS;
    const faults: string[] = [];
    const rig = await Rig.start({ ...USUAL, store: 'redis', history: 0, isBlockable: true, seed });
    try {
      for (let n = 1; now() < endAt; n++) {
        if (n > 1) await rig.goOn();
        const round = nextRound(plan);
        const exempt: Exempt = Object.assign({}, ...round.faults.map((fault) => fault.exempt ?? {}));
        await act(rig, round);
        await rig.finish();
        const verdict = judge(rig.record, exempt);
        const megabytes = Math.round(process.memoryUsage().rss / 1e6);
        const gateways = rig.record.final?.memoryMb.map(({ mb }) => Math.round(mb)).join(', ');
        process.stdout.write(
          `round ${n}: ${round.name}: ${verdict.faults.length} faults, ${JSON.stringify(figuresOf(verdict))}, ` +
            `MB of gateways ${gateways}, of this process ${megabytes}\n`,
        );
        for (const line of told(verdict.faults)) process.stdout.write(`  ${line}\n`);
        if (verdict.faults.length > 0) await keep(`soak-round-${n}`, rig.record);
        faults.push(...told(verdict.faults).map((line) => `round ${n} (${round.name}): ${line}`));
      }
    } finally {
      await rig.stop();
    }
    expect(faults).toEqual([]);
  },
  minutes * MINUTE_MS + ROUND_MS,
);
