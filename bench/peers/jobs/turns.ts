/** Beds that take turns at one job. */
import type { Figure } from '../../report.ts';
import { takeTurns } from '../../rounds.ts';
import type { Job } from '../contenders.ts';
import { figuresOf, type Sample } from '../measures.ts';
import type { PeerBed } from '../peer-bed.ts';

/** @param measure one turn of a bed; turns are numbered from 0, and the first only warms up. */
export async function inTurns(
  job: Job,
  beds: readonly PeerBed[],
  rounds: number,
  measure: (bed: PeerBed, turn: number) => Promise<Sample>,
): Promise<Figure[]> {
  const turns = beds.map((bed): [string, () => Promise<Sample>] => {
    let turn = 0;
    return [
      bed.contender.name,
      () =>
        measure(bed, turn++).catch((cause) => {
          throw new Error(`${bed.contender.title}: ${(cause as Error).message}`, { cause });
        }),
    ];
  });
  const samples = await takeTurns(Object.fromEntries(turns), rounds);
  return figuresOf(
    job,
    beds.map(({ contender: { name, title } }) => ({ name, title, samples: samples[name] ?? [] })),
  );
}
