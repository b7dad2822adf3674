/** GET /status/users of 100 ids: the origin's tracker, and the sidecar through Redis. */
import { Bed, type Cost, cpuUs } from '../bed.ts';
import { closedLoops } from '../load.ts';
import type { Figure } from '../report.ts';
import { requestFile } from '../requests.ts';
import { median, medianRatio, takeTurns } from '../rounds.ts';
import { CONNECTIONS, fill, LASTING, statusLists } from '../traffic.ts';

const FOR_MS = 3_000;
const WHAT = 'status of 100 ids';

const perSecond = (cost: Cost): number => cost.perSecond;

export async function httpStatus(): Promise<Figure[]> {
  const file = requestFile(statusLists());
  const peer = await Bed.ofPeer('origin-tracker', LASTING);
  const redis = await Bed.ofProduct({ ...LASTING, REPLICA: 'off' });
  try {
    await fill(peer);
    await fill(redis);
    const figures: Figure[] = [];
    for (const [tool, load] of closedLoops) {
      const measure = (bed: Bed) => () =>
        bed.cost(() => load({ port: bed.port, file, forMs: FOR_MS, connections: CONNECTIONS }));
      const costs = await takeTurns({ peer: measure(peer), redis: measure(redis) });
      for (const [who, of] of [
        ['Fastify peer', costs.peer],
        ['through Redis', costs.redis],
      ] as const) {
        const what = `${WHAT}, ${who}, ${tool}`;
        figures.push(
          { what, value: median(of.map(perSecond)), unit: '/s' },
          { what: `${what}, CPU of Node and Redis`, value: median(of.map(cpuUs)), unit: 'µs' },
        );
      }
      const ratio = medianRatio(costs.redis.map(perSecond), costs.peer.map(perSecond));
      figures.push({
        what: `${WHAT}, through Redis against the peer, ${tool}`,
        value: ratio,
        unit: '×',
        target: '≥ 1.5',
      });
    }
    return figures;
  } finally {
    await peer.stop();
    await redis.stop();
  }
}
