/** GET /status/users of 100 ids: the origin's tracker, the sidecar through Redis, the sidecar from its replica. */
import { Bed, type Cost, cpuUs } from '../bed.ts';
import { atMaximum, closedLoops, type Load } from '../load.ts';
import type { Figure } from '../report.ts';
import { requestFile } from '../requests.ts';
import { median, medianRatio, takeTurns } from '../rounds.ts';
import { CONNECTIONS, fill, LASTING, statusLists } from '../traffic.ts';

const FOR_MS = 1_000;
const AWAY = 20;
/** What the sidecar is to be, as a multiple of the peer, when all who are asked for are online. */
const OURS = {
  redis: { who: 'through Redis', target: '≥ 1.5' },
  replica: { who: 'from the replica', target: '≥ 10' },
} as const;

const perSecond = (cost: Cost): number => cost.perSecond;

function figuresOf(what: string, costs: readonly Cost[]): Figure[] {
  return [
    { what, value: median(costs.map(perSecond)), unit: '/s' },
    { what: `${what}, CPU of Node and Redis`, value: median(costs.map(cpuUs)), unit: 'µs' },
  ];
}

export async function httpStatus(): Promise<Figure[]> {
  const beds = {
    peer: await Bed.ofPeer('origin-tracker', LASTING),
    redis: await Bed.ofProduct({ ...LASTING, REPLICA: 'off' }),
    replica: await Bed.ofProduct({ ...LASTING, REPLICA: 'on' }),
  };
  const figures: Figure[] = [];
  const compare = async (what: string, load: Load, lists: readonly string[], hasTarget: boolean): Promise<void> => {
    const file = requestFile(lists);
    const measure = (bed: Bed) => () =>
      bed.cost(() => load({ port: bed.port, file, forMs: FOR_MS, connections: CONNECTIONS }));
    const { peer, ...ours } = await takeTurns({
      peer: measure(beds.peer),
      redis: measure(beds.redis),
      replica: measure(beds.replica),
    });
    figures.push(...figuresOf(`${what}, Fastify peer`, peer));
    for (const key of ['redis', 'replica'] as const) {
      const { who, target } = OURS[key];
      const value = medianRatio(ours[key].map(perSecond), peer.map(perSecond));
      const lighter = medianRatio(peer.map(cpuUs), ours[key].map(cpuUs));
      figures.push(
        ...figuresOf(`${what}, ${who}`, ours[key]),
        { what: `${what}, ${who} against the peer`, value, unit: '×', ...(hasTarget && { target }) },
        { what: `${what}, the peer’s CPU against that ${who}`, value: lighter, unit: '×' },
      );
    }
  };
  try {
    for (const bed of Object.values(beds)) await fill(bed);
    for (const [tool, load] of closedLoops) {
      await compare(`status of 100 ids (${tool})`, load, statusLists(), load === atMaximum);
    }
    await compare(`status of 100 ids, ${AWAY} of them away`, atMaximum, statusLists(AWAY), false);
    return figures;
  } finally {
    for (const bed of Object.values(beds)) await bed.stop();
  }
}
