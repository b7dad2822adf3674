/** Everybody comes at once, as after a deploy: connect, and be known online. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { BenchOptions } from '../../options.ts';
import { progress } from '../../progress.ts';
import type { Figure } from '../../report.ts';
import { cpuSample } from '../measures.ts';
import { withBeds } from '../peer-bed.ts';
import { inTurns } from './turns.ts';

const LANES = 128;
/** What the server has to do for those who left. */
const LEAVE_MS = 1_500;

export function stormJob({ players, rounds, only }: BenchOptions): Promise<Figure[]> {
  return withBeds('storm', { only }, (beds) =>
    inTurns('storm', beds, rounds, async (bed, turn) => {
      progress(`${players} players at once, turn ${turn} of ${rounds}: ${bed.contender.title}`);
      // Others in each turn: those of before may be within their grace.
      const come = (): ReturnType<typeof bed.clients.come> =>
        bed.clients.come(turn * players, players, { lanes: LANES, beats: false });
      const [cpu, { elapsedMs, letIn, refused }] = await bed.cost(come, () => players);
      if (refused > 0) throw new Error(`${refused} players were refused`);
      await bed.clients.go();
      await sleep(LEAVE_MS);
      return { ...cpuSample(cpu), rate: (letIn * 1_000) / elapsedMs };
    }),
  );
}
