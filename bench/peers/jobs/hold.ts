/**
 * Players who only stay. All contenders hold theirs at the same time, as a window is as long as the periods of pings and
 * heartbeats; the windows are the rounds.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { BenchOptions } from '../../options.ts';
import { progress } from '../../progress.ts';
import type { Figure } from '../../report.ts';
import { cpuSample, figuresOf, type Sample } from '../measures.ts';
import { type PeerBed, withBeds } from '../peer-bed.ts';

/** Longer than any period of pings. */
const WINDOW_MS = 30_000;
const SETTLE_MS = 5_000;

async function checkHealth({ clients, contender }: PeerBed): Promise<void> {
  const { lost, failures } = await clients.health();
  if (lost + failures > 0) throw new Error(`${contender.title}: ${lost} players were lost, ${failures} beats failed`);
}

export function holdJob({ players, rounds, only }: BenchOptions): Promise<Figure[]> {
  return withBeds('hold', { only }, async (beds) => {
    for (const { clients, contender } of beds) {
      progress(`${players} players come: ${contender.title}`);
      const { refused } = await clients.come(0, players);
      if (refused > 0) throw new Error(`${contender.title} refused ${refused} players`);
    }
    await sleep(SETTLE_MS);
    const samples = beds.map((): Sample[] => []);
    for (let round = 0; round < rounds; round++) {
      progress(`all are held for ${WINDOW_MS / 1_000} s, round ${round + 1} of ${rounds}`);
      // Each is read before and after by itself: what it did between is divided by the time between.
      const before = beds.map((bed) => ({ cpu: bed.cpu(), at: performance.now() }));
      await sleep(WINDOW_MS);
      for (const [i, bed] of beds.entries()) {
        const [{ cpu, at }, now] = [before[i] as (typeof before)[number], bed.cpu()];
        const playerMinutes = (players * (performance.now() - at)) / 60_000;
        const serverUs = (now.serverUs - cpu.serverUs) / playerMinutes;
        samples[i]?.push(cpuSample({ serverUs, redisUs: (now.redisUs - cpu.redisUs) / playerMinutes }));
      }
    }
    for (const bed of beds) await checkHealth(bed);
    return figuresOf(
      'hold',
      beds.map(({ contender: { name, title } }, i) => ({ name, title, samples: samples[i] ?? [] })),
    );
  });
}
