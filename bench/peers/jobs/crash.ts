/**
 * One of two servers is killed with its players, and the other one is asked until nobody of them is shown online. All
 * contenders crash at the same time.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { BenchOptions } from '../../options.ts';
import { makeSessions } from '../../players.ts';
import { progress } from '../../progress.ts';
import type { Figure } from '../../report.ts';
import { onlineOf } from '../asking.ts';
import { figuresOf, type Sample } from '../measures.ts';
import { type PeerBed, withBeds } from '../peer-bed.ts';

const MAX_PLAYERS = 300;
const SETTLE_MS = 3_000;
const ASK_MS = 250;
/** Longer than any time to live, by half. */
const WATCHED_MS = 45_000;

async function crash(bed: PeerBed, ids: readonly string[]): Promise<Sample> {
  const [first, second] = bed.servers as [PeerBed['servers'][number], PeerBed['servers'][number]];
  const online = (): Promise<number> => onlineOf(bed.contender, second.httpPort, ids);
  const before = await online();
  if (before !== ids.length) throw new Error(`${bed.contender.title}: ${before} of ${ids.length} users are online`);
  await Promise.all([first.kill(), bed.clients.go()]);
  const crashedAt = performance.now();
  const secondsSince = (): number => (performance.now() - crashedAt) / 1_000;
  let firstS: number | undefined;
  for (let left = before; ; await sleep(ASK_MS)) {
    left = await online();
    if (left < before) firstS ??= secondsSince();
    if (left === 0) return { firstS: firstS as number, lastS: secondsSince(), ghosts: 0 };
    if (secondsSince() * 1_000 > WATCHED_MS) return { ...(firstS !== undefined && { firstS }), ghosts: left };
  }
}

export function crashJob({ only, ...options }: BenchOptions): Promise<Figure[]> {
  const players = Math.min(MAX_PLAYERS, options.players);
  const ids = [...new Set(makeSessions(players).map(({ userId }) => userId))];
  return withBeds('crash', { only, servers: 2 }, async (beds) => {
    for (const { clients } of beds) await clients.come(0, players);
    await sleep(SETTLE_MS);
    progress(`one of two servers is killed, and the other is asked for ${WATCHED_MS / 1_000} s at most`);
    const samples = await Promise.all(beds.map((bed) => crash(bed, ids)));
    return figuresOf(
      'crash',
      beds.map(({ contender: { name, title } }, i) => ({ name, title, samples: [samples[i] as Sample] })),
    );
  });
}
