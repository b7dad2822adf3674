/** How many bytes of Redis a session takes: by itself, with what is counted of it, its log, and who was seen last. */
import { progress } from '../progress.ts';
import type { Figure } from '../report.ts';
import { ScaleBed } from './scale-bed.ts';
import { evenStreams, scaleUser } from './scale-sessions.ts';
import { sizeText } from './size-text.ts';

const STREAMS = 500;
/** Users who left within a day, for each who is live; a shard keeps no more than 100,000 of them. */
const SEEN_PER_SESSION = 1;
const SEEN_MAX = 64 * 100_000;
const BYTES = 300;

function* awayUsers(count: number): Generator<string> {
  for (let number = 0; number < count; number++) yield `away-${scaleUser(number)}-${number}`;
}

export async function scaleMemory(size: number): Promise<Figure[]> {
  return ScaleBed.during(async (bed) => {
    const bytes = [await bed.bytes()];
    const taken = async (): Promise<void> => {
      bytes.push(await bed.bytes());
    };
    await bed.fill({ count: size, streamOf: evenStreams(STREAMS) }, undefined, taken);
    const seen = Math.min(SEEN_MAX, size * SEEN_PER_SESSION);
    progress(`${seen.toLocaleString('en')} users last seen`);
    await bed.filler.fillLastSeen(awayUsers(seen), Date.now());
    await taken();
    const [empty, sessions, counts, log, all] = bytes as [number, number, number, number, number];
    const of = (what: string): string => `${sizeText(size)}: Redis bytes a session, ${what}`;
    return [
      { what: of('rows, leases, places in the sweep'), value: (sessions - empty) / size, unit: 'B' },
      { what: of('counts'), value: (counts - sessions) / size, unit: 'B' },
      { what: of('without log and last seen'), value: (counts - empty) / size, unit: 'B', target: `≤ ${BYTES}` },
      { what: of('log'), value: (log - counts) / size, unit: 'B' },
      { what: of('with log'), value: (log - empty) / size, unit: 'B' },
      { what: of('with log and as many users last seen, at most 6.4M'), value: (all - empty) / size, unit: 'B' },
      { what: `${sizeText(size)}: Redis bytes a user last seen`, value: (all - log) / seen, unit: 'B' },
      { what: `${sizeText(size)}: Redis memory in all`, value: all / 1e9, unit: 'GB' },
    ];
  });
}
