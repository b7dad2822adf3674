/** Topic `stats`, totals and tops each second, when there are few streams and when there are very many. */
import { progress } from '../progress.ts';
import type { Figure } from '../report.ts';
import { Dashboards, type Watched } from './dashboards.ts';
import { ScaleBed } from './scale-bed.ts';
import { evenStreams } from './scale-sessions.ts';
import { sizeText } from './size-text.ts';

const FEW = 1_000;
const MANY = 100_000;
/** A gateway counts one shard anew each minute, which at many sessions costs more than `stats`: each look has one of them. */
const MEASURED_MS = 60_000;
const TIMES_DEARER = 2;

function statsWith(streams: number, size: number): Promise<Watched> {
  return ScaleBed.during(async (bed) => {
    await bed.fill({ count: size, streamOf: evenStreams(streams) });
    progress(`stats of ${sizeText(streams)} streams`);
    return Dashboards.during(bed, (dashboards) => dashboards.stats(MEASURED_MS), MEASURED_MS);
  });
}

export async function scaleStats(size: number): Promise<Figure[]> {
  const few = await statsWith(FEW, size);
  const many = await statsWith(MANY, size);
  const figures = [few, many].flatMap((watched, i): Figure[] => {
    const of = (what: string): string =>
      `${sizeText(size)}: stats of ${sizeText(i === 0 ? FEW : MANY)} streams, ${what}`;
    const seconds = watched.elapsedMs / 1_000;
    return [
      { what: of('Redis CPU'), value: watched.redisMs / seconds, unit: 'ms/s' },
      { what: of('gateway CPU'), value: watched.gatewayMs / seconds, unit: 'ms/s' },
      { what: of('frames'), value: watched.received / seconds, unit: '/s', target: '≥ 0.8' },
    ];
  });
  // Of one frame: what is never answered is not cheap, and what is lost in the noise is not known.
  const isKnown = many.received > 0 && few.redisMs > 0 && many.redisMs > 0;
  const ratio = isKnown ? many.redisMs / many.received / (few.redisMs / few.received) : Number.POSITIVE_INFINITY;
  const what = `${sizeText(size)}: Redis CPU of a frame of stats, ${sizeText(MANY)} streams against ${sizeText(FEW)}`;
  return [...figures, { what, value: ratio, unit: 'times', target: `≤ ${TIMES_DEARER}` }];
}
