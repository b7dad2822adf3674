/** POST /heartbeat of 24,000 known players and some new ones: what a beat costs, beside the origin's limiter. */
import { Bed, type Cost, cpuUs } from '../bed.ts';
import { atMaximum, atRate, closedLoops, type LoadOrder } from '../load.ts';
import type { Figure } from '../report.ts';
import { requestFile } from '../requests.ts';
import { median, medianRatio, takeTurns } from '../rounds.ts';
import { beats, CONNECTIONS, fill } from '../traffic.ts';

const OFFERED_PER_SECOND = 4_000;
/** At that rate everybody beats once. */
const FOR_MS = 6_000;
const CONTENDERS = { peer: 'Fastify peer', product: 'the sidecar' } as const;

export async function httpHeartbeat(): Promise<Figure[]> {
  const file = requestFile(beats());
  const beds = { peer: await Bed.ofPeer('origin-limiter'), product: await Bed.ofProduct() };
  try {
    await fill(beds.peer);
    await fill(beds.product);
    const figures: Figure[] = [];
    const loads = [
      [
        `at ${OFFERED_PER_SECOND.toLocaleString('en')}/s`,
        (order: LoadOrder) => atRate(order, OFFERED_PER_SECOND),
        undefined,
      ],
      [`at the maximum (${closedLoops[0][0]})`, atMaximum, '≤ 0.5'],
    ] as const;
    for (const [when, load, target] of loads) {
      const measure = (bed: Bed) => () =>
        bed.cost(() => load({ port: bed.port, file, forMs: FOR_MS, connections: CONNECTIONS }));
      const costs = await takeTurns({ peer: measure(beds.peer), product: measure(beds.product) });
      for (const [key, who] of Object.entries(CONTENDERS) as [keyof typeof CONTENDERS, string][]) {
        const of = (part: (cost: Cost) => number): number => median(costs[key].map(part));
        figures.push(
          { what: `heartbeat ${when}, ${who}`, value: of((cost) => cost.perSecond), unit: '/s' },
          { what: `heartbeat ${when}, ${who}, Node CPU`, value: of((cost) => cost.nodeUs), unit: 'µs' },
          { what: `heartbeat ${when}, ${who}, Redis CPU`, value: of((cost) => cost.redisUs), unit: 'µs' },
        );
      }
      const ratio = medianRatio(costs.product.map(cpuUs), costs.peer.map(cpuUs));
      figures.push({
        what: `heartbeat ${when}, CPU against the peer`,
        value: ratio,
        unit: '×',
        ...(target && { target }),
      });
    }
    return figures;
  } finally {
    await beds.peer.stop();
    await beds.product.stop();
  }
}
