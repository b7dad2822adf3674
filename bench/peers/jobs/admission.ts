/** Many opens of one user at the same time, with a limit of three: what an open costs, and how many come in too many. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { BenchOptions } from '../../options.ts';
import { progress } from '../../progress.ts';
import type { Figure } from '../../report.ts';
import { cpuSample } from '../measures.ts';
import { withBeds } from '../peer-bed.ts';
import { inTurns } from './turns.ts';

const LIMIT = 3;
const USERS = 10;
const OPENS = 200;
const LEAVE_MS = 500;

export function admissionJob({ rounds, only }: BenchOptions): Promise<Figure[]> {
  return withBeds('admission', { only }, (beds) =>
    inTurns('admission', beds, rounds, async (bed, turn) => {
      progress(`${OPENS} opens at once of each of ${USERS} users, turn ${turn} of ${rounds}: ${bed.contender.title}`);
      const [cpu, { elapsedMs, letIn }] = await bed.cost(
        () => bed.clients.crowd(turn * USERS, USERS, OPENS),
        () => USERS * OPENS,
      );
      await bed.clients.go();
      await sleep(LEAVE_MS);
      return {
        ...cpuSample(cpu),
        overshoot: letIn / USERS - LIMIT,
        rate: (USERS * OPENS * 1_000) / elapsedMs,
      };
    }),
  );
}
