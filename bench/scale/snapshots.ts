/** A dashboard comes: on a small stream, on a large one, and on all sessions. */
import { progress } from '../progress.ts';
import type { Figure } from '../report.ts';
import { median } from '../rounds.ts';
import { Dashboards, type Watched } from './dashboards.ts';
import { ScaleBed } from './scale-bed.ts';
import { evenStreams } from './scale-sessions.ts';
import { sizeText } from './size-text.ts';

const SMALL = 200;
/** Half of the sessions when those are fewer than twice as many. */
const LARGE = 100_000;
const STREAMS = 500;
/** Of the small stream, unless one takes long. */
const ROUNDS = 5;
const ROUNDS_MS = 20_000;
const SMALL_MS = 20;
/** After an epoch change all dashboards come at the same time. */
const AT_ONCE = 20;
/** Until all are whole, for each 100,000 sessions. */
const WHOLE_MS = 2_000;

/** @throws Error when the snapshot has not all sessions. */
async function snapshotOf(dashboards: Dashboards, topic: string, count: number, atOnce = 1): Promise<Watched> {
  progress(`${atOnce === 1 ? 'snapshot' : `${atOnce} snapshots`} of ${topic}`);
  const watched = await dashboards.snapshots(topic, atOnce);
  if (watched.received < 0) return { ...watched, elapsedMs: Number.POSITIVE_INFINITY };
  if (watched.received !== count) throw new Error(`${topic}: ${watched.received} sessions of ${count}`);
  return watched;
}

export async function scaleSnapshots(size: number): Promise<Figure[]> {
  const large = Math.min(LARGE, Math.floor(size / 2));
  const others = evenStreams(STREAMS);
  const streamOf = (number: number): string => {
    if (number < SMALL) return 'small';
    return number < SMALL + large ? 'large' : others(number);
  };
  return ScaleBed.during(async (bed) => {
    await bed.fill({ count: size, streamOf });
    return Dashboards.during(bed, async (dashboards) => {
      const rounds: Watched[] = [];
      for (const begunAt = performance.now(); rounds.length < ROUNDS; ) {
        rounds.push(await snapshotOf(dashboards, 'stream:small', SMALL));
        if (performance.now() - begunAt > ROUNDS_MS) break;
      }
      const small = {
        redisMs: median(rounds.map(({ redisMs }) => redisMs)),
        gatewayMs: median(rounds.map(({ gatewayMs }) => gatewayMs)),
        elapsedMs: median(rounds.map(({ elapsedMs }) => elapsedMs)),
      };
      return [
        ...figuresOf(`${sizeText(size)}: snapshot of a stream of ${sizeText(SMALL)}`, small, `≤ ${SMALL_MS}`),
        ...figuresOf(
          `${sizeText(size)}: snapshot of a stream of ${sizeText(large)}`,
          await snapshotOf(dashboards, 'stream:large', large),
        ),
        ...figuresOf(`${sizeText(size)}: snapshot of all`, await snapshotOf(dashboards, 'all', size)),
        ...allAtOnce(size, await snapshotOf(dashboards, 'all', size, AT_ONCE)),
      ];
    });
  });
}

function allAtOnce(size: number, watched: Watched): Figure[] {
  const figures = figuresOf(`${sizeText(size)}: ${AT_ONCE} dashboards at once, snapshots of all`, watched);
  const target = `≤ ${(WHOLE_MS * size) / 100_000}`;
  return figures.map((figure) => (figure.what.endsWith('time') ? { ...figure, target } : figure));
}

function figuresOf(what: string, watched: Omit<Watched, 'received'>, target?: string): Figure[] {
  return [
    { what: `${what}, Redis CPU`, value: watched.redisMs, unit: 'ms', ...(target && { target }) },
    { what: `${what}, gateway CPU`, value: watched.gatewayMs, unit: 'ms' },
    { what: `${what}, time`, value: watched.elapsedMs, unit: 'ms' },
  ];
}
