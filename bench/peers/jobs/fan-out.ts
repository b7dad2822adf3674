/** Players change streams at a steady rate, and every watcher is told of each change. */
import type { BenchOptions } from '../../options.ts';
import { progress } from '../../progress.ts';
import type { Figure } from '../../report.ts';
import { cpuSample } from '../measures.ts';
import { withBeds } from '../peer-bed.ts';
import { inTurns } from './turns.ts';

const MAX_PLAYERS = 500;
const WATCHERS = 50;
/** Changes a second of each player. */
const RATE = 2;
const MEASURED_MS = 3_000;

export function fanOutJob({ rounds, only, ...options }: BenchOptions): Promise<Figure[]> {
  const players = Math.min(MAX_PLAYERS, options.players);
  const rate = players * RATE;
  return withBeds('fan-out', { only }, async (beds) => {
    for (const { clients, contender } of beds) {
      progress(`${players} players and ${WATCHERS} watchers come: ${contender.title}`);
      await clients.come(0, players, { beats: false });
      await clients.watch(WATCHERS);
    }
    return inTurns('fan-out', beds, rounds, async (bed, turn) => {
      progress(`${rate} changes/s to ${WATCHERS} watchers, turn ${turn} of ${rounds}: ${bed.contender.title}`);
      const [cpu, report] = await bed.cost(
        () => bed.clients.change(rate, MEASURED_MS),
        ({ changes }) => changes,
      );
      return {
        ...cpuSample(cpu),
        ...(report.p50Ms !== null && { p50: report.p50Ms }),
        ...(report.p99Ms !== null && { p99: report.p99Ms }),
        rate: (report.changes * 1_000) / report.elapsedMs,
        undelivered: report.undelivered,
      };
    });
  });
}
