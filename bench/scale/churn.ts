/** What people's coming and going costs Redis: each act by itself, and all together as often as they happen. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { RedisStore } from '../../presence-core/index.ts';
import type { BenchSession } from '../players.ts';
import { progress } from '../progress.ts';
import type { Figure } from '../report.ts';
import { median } from '../rounds.ts';
import type { Cost } from './cost.ts';
import { LONG_MS, nodeOf, ScaleBed } from './scale-bed.ts';
import { evenStreams, scaleSession } from './scale-sessions.ts';
import { sizeText } from './size-text.ts';

const STREAMS = 500;
/** Of each kind; a tenth of the sessions when those are fewer. */
const ACTS = 20_000;
/** Renewed in one call: what one of 64 slots of a node of 50,000 holds. */
const RENEWED_AT_ONCE = 781;
/** Detached before one sweep: half of what leaves in a second at 10M goes so. */
const DETACHED = 3_000;
const ROUNDS = 3;
const GRACE_MS = 4_000;
const BEATS = 200;
/** Filled leases end when all of them have surely been renewed. */
const RENEWED_WITHIN_MS = 20_000;
const RENEWED_WITHIN_US_EACH = 100;

/** How often things happen. */
const STAY_S = 1_800;
const SHARE_UNCLEAN = 0.5;
const UPDATE_EVERY_S = 600;
/** SESSION_LEASE_MS: its default, and what ARCHITECTURE.md says to set for very many sessions. */
const LEASE_S = 600;
const LONG_LEASE_S = 1_800;
/** A lease is renewed after a third of it, and a bucket is looked at again when the soonest lease in it would end. */
const RENEWED_AFTER = 1 / 3;
const BEAT_EVERY_S = 3;
const SESSIONS_PER_NODE = 50_000;

const CORES_AT_10M = 1.5;
const SWEPT_US = 40;

const streamOf = evenStreams(STREAMS);

interface Held extends BenchSession {
  readonly owner: { readonly nodeId: string; readonly connection: number };
}

function held(number: number): Held {
  return { ...scaleSession(number, streamOf), owner: { nodeId: nodeOf(number), connection: number } };
}

/** Redis CPU and the bench's own, of one act. */
interface Each {
  readonly redisUs: number;
  readonly nodeUs: number;
}

function each({ redisUs, nodeUs }: Cost, count: number): Each {
  return { redisUs: redisUs / count, nodeUs: nodeUs / count };
}

/** One act at a time on each node: what comes over the sockets of many nodes is not joined into one call. */
async function oneByOne(
  bed: ScaleBed,
  numbers: readonly number[],
  act: (store: RedisStore, session: Held) => Promise<{ readonly outcome: string }>,
): Promise<Each> {
  const cost = await bed.cost(() =>
    Promise.all(
      bed.stores.map(async (store) => {
        for (const number of numbers) {
          if (bed.storeOf(number) !== store) continue;
          const { outcome } = await act(store, held(number));
          if (!WANTED.has(outcome)) throw new Error(`an act of the bench was answered ${outcome}`);
        }
      }),
    ),
  );
  return each(cost, numbers.length);
}

const WANTED: ReadonlySet<string> = new Set(['opened', 'updated', 'closed', 'detached']);

/**
 * Numbers of sessions spread over all and over the nodes.
 * @param offset below 9; no other one gives the same numbers.
 */
function spread(count: number, acts: number, size: number, offset: number): number[] {
  const step = ((Math.floor(size / acts) - 1) | 1) * Math.floor(acts / count);
  return Array.from({ length: count }, (_, i) => i * step + offset);
}

async function renewAll(bed: ScaleBed, size: number): Promise<Each> {
  const cost = await bed.cost(() =>
    Promise.all(
      bed.stores.map(async (store, first) => {
        for (let from = first; from < size; from += RENEWED_AT_ONCE * bed.stores.length) {
          const requests = [];
          for (let i = 0; i < RENEWED_AT_ONCE; i++) {
            const number = from + i * bed.stores.length;
            if (number < size) requests.push({ ...held(number), leaseMs: LONG_MS });
          }
          const results = await store.sessions.renew(requests);
          if (results.some(({ outcome }) => outcome !== 'renewed')) throw new Error('a session was not renewed');
        }
      }),
    ),
  );
  return each(cost, size);
}

/** Sweeps until so many have ended. */
async function sweepAll(bed: ScaleBed, count: number): Promise<Each> {
  const cost = await bed.cost(async () => {
    for (let ended = 0; ended < count; ) ended += await bed.sweep();
  });
  return each(cost, count);
}

/** Looks at all buckets, in which nothing has expired. */
async function look(bed: ScaleBed, size: number): Promise<Each> {
  const cost = await bed.cost(async () => {
    if ((await bed.sweep()) > 0) throw new Error('sessions expired before they were renewed: this machine is too slow');
  });
  return each(cost, size);
}

export async function scaleChurn(size: number): Promise<Figure[]> {
  return ScaleBed.during(async (bed) => {
    const acts = Math.min(ACTS, Math.floor(size / 10));
    const leaseMs = RENEWED_WITHIN_MS + (size * RENEWED_WITHIN_US_EACH) / 1_000;
    const begunAt = Date.now();
    await bed.fill({ count: size, streamOf, leaseMs, openedAt: () => begunAt });
    progress('renewals of all');
    const renew = await renewAll(bed, size);
    progress(`opens, updates and closes, ${acts.toLocaleString('en')} each`);
    const fresh = Array.from({ length: acts }, (_, i) => size + i);
    const open = await oneByOne(bed, fresh, (store, session) =>
      store.sessions.open({ ...session, leaseMs: LONG_MS, intent: 'fresh' }),
    );
    const update = await oneByOne(bed, spread(acts, acts, size, 0), (store, { userId, sessionId, owner }) =>
      store.sessions.update({ userId, sessionId, owner, attributes: { streamId: 'other' } }),
    );
    const close = await oneByOne(bed, spread(acts, acts, size, 1), (store, session) =>
      store.sessions.close({ ...session, reason: 'left' }),
    );
    const beatCost = await bed.cost(async () => {
      for (let i = 0; i < BEATS; i++) await bed.storeOf(i).nodes.beat(nodeOf(i), LONG_MS);
    });
    const beat = each(beatCost, BEATS);
    progress('waiting until buckets are due');
    await sleep(Math.max(0, begunAt + leaseMs + 1_000 - Date.now()));
    const looked = await look(bed, size);
    const detaches: Each[] = [];
    const sweeps: Each[] = [];
    const detached = Math.min(DETACHED, Math.floor(acts / 2));
    for (let round = 0; round < ROUNDS; round++) {
      progress(`${detached.toLocaleString('en')} sessions detached and swept`);
      const detach = await oneByOne(bed, spread(detached, acts, size, 2 + round), async (store, session) => {
        const [result] = await store.sessions.detach([session], GRACE_MS);
        return result as { outcome: string };
      });
      detaches.push(detach);
      await sleep(GRACE_MS + 100);
      sweeps.push(await sweepAll(bed, detached));
    }
    const detach = middle(detaches);
    const swept = middle(sweeps);
    return figuresOf(size, { open, update, close, detach, swept, renew, looked, beat });
  });
}

function middle(all: readonly Each[]): Each {
  return { redisUs: median(all.map((one) => one.redisUs)), nodeUs: median(all.map((one) => one.nodeUs)) };
}

type Acts = 'open' | 'update' | 'close' | 'detach' | 'swept' | 'renew' | 'looked' | 'beat';

/** What an act is called, and how often in a second it happens to one session. */
const ACT: Readonly<Record<Acts, { readonly what: string; readonly perSecond: number; readonly target?: string }>> = {
  open: { what: 'open', perSecond: 1 / STAY_S },
  update: { what: 'switch of stream', perSecond: 1 / UPDATE_EVERY_S },
  close: { what: 'leave', perSecond: (1 - SHARE_UNCLEAN) / STAY_S },
  detach: { what: 'lost socket, detached', perSecond: SHARE_UNCLEAN / STAY_S },
  swept: { what: 'detached session, swept', perSecond: SHARE_UNCLEAN / STAY_S, target: `≤ ${SWEPT_US}` },
  renew: { what: 'renewal', perSecond: 1 / (LEASE_S * RENEWED_AFTER) },
  looked: { what: 'look of the sweep at a live session', perSecond: 1 / (LEASE_S * (1 - RENEWED_AFTER)) },
  beat: { what: 'beat of a node', perSecond: 1 / SESSIONS_PER_NODE / BEAT_EVERY_S },
};

function figuresOf(size: number, costs: Readonly<Record<Acts, Each>>): Figure[] {
  const at = sizeText(size);
  const acts = Object.keys(ACT) as Acts[];
  const cores = (of: keyof Each, act: Acts): number => (costs[act][of] * ACT[act].perSecond * size) / 1e6;
  const coresOfAll = (of: keyof Each): number => acts.reduce((sum, act) => sum + cores(of, act), 0);
  const switches = cores('redisUs', 'update');
  const rest = coresOfAll('redisUs') - switches;
  const ofLeases = cores('redisUs', 'renew') + cores('redisUs', 'looked');
  return [
    ...acts.map((act) => {
      const { what, target } = ACT[act];
      return { what: `${at}: ${what}, Redis CPU`, value: costs[act].redisUs, unit: 'µs', ...(target && { target }) };
    }),
    {
      what: `${at}: all of it at 30 min a session but switches, Redis CPU`,
      value: rest,
      unit: 'cores',
      target: `≤ ${(CORES_AT_10M * size) / 1e7}`,
    },
    {
      what: `${at}: the same with leases of 30 min, Redis CPU`,
      value: rest - ofLeases * (1 - LEASE_S / LONG_LEASE_S),
      unit: 'cores',
    },
    { what: `${at}: switches, one in 10 min, Redis CPU`, value: switches, unit: 'cores' },
    { what: `${at}: all of it at 30 min a session, Node CPU in the store`, value: coresOfAll('nodeUs'), unit: 'cores' },
  ];
}
