/** A backend asks who of 100 users is online, as fast as it is answered. */
import { atMaximum } from '../../load.ts';
import type { BenchOptions } from '../../options.ts';
import { makeSessions } from '../../players.ts';
import { progress } from '../../progress.ts';
import type { Figure } from '../../report.ts';
import { request, requestFile } from '../../requests.ts';
import { cpuSample } from '../measures.ts';
import { withBeds } from '../peer-bed.ts';
import { inTurns } from './turns.ts';

const CONNECTIONS = 64;
const FOR_MS = 1_000;
const LISTS = 400;
const IDS = 100;
/** A turn is short, so there are more of them. */
const TURNS_PER_ROUND = 2;

/** Lists that share few ids, so that no memory of answers would help. */
function statusLists(players: number): string[] {
  const ids = [...new Set(makeSessions(players).map(({ userId }) => userId))];
  return Array.from({ length: LISTS }, (_, list) => {
    const some = Array.from({ length: IDS }, (_, i) => ids[(list * 59 + i * 239) % ids.length]);
    return request('GET', `/status/users?ids=${some.join(',')}`);
  });
}

export function statusJob({ players, rounds, only }: BenchOptions): Promise<Figure[]> {
  const file = requestFile(statusLists(players));
  return withBeds('status', { only }, async (beds) => {
    for (const { clients, contender } of beds) {
      progress(`${players} players come: ${contender.title}`);
      await clients.come(0, players, { beats: false });
    }
    return inTurns('status', beds, rounds * TURNS_PER_ROUND, async (bed, turn) => {
      progress(`status of ${IDS} ids, turn ${turn} of ${rounds * TURNS_PER_ROUND}: ${bed.contender.title}`);
      const port = (bed.servers[0] as (typeof bed.servers)[number]).httpPort;
      const [cpu, { perSecond }] = await bed.cost(
        () => atMaximum({ port, file, forMs: FOR_MS, connections: CONNECTIONS }),
        ({ answered }) => answered,
      );
      return { ...cpuSample(cpu), rate: perSecond };
    });
  });
}
