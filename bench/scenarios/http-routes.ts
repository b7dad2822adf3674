/** The main routes over Redis: how many a second, and how long they take at half of that. */
import { Bed, type Cost, cpuUs } from '../bed.ts';
import { atMaximum, atRate, sequencesAtMaximum } from '../load.ts';
import type { Figure } from '../report.ts';
import { request, requestFile } from '../requests.ts';
import { median } from '../rounds.ts';
import { beats, CONNECTIONS, fill, LASTING, sessions, statusLists } from '../traffic.ts';

const ROUNDS = 3;
const MAXIMUM_MS = 2_000;
const LATENCY_MS = 4_000;
const SPREAD_USERS = 5_000;

const perUser = (make: (userId: string, i: number) => string): string[] =>
  sessions.slice(0, SPREAD_USERS).map(({ userId }, i) => make(userId, i));

/** Create, refresh, delete: one sequence for each of many users, so that none has two at once. */
function guardCycles(): string[][] {
  return Array.from({ length: SPREAD_USERS }, (_, i) => {
    const headers = { 'x-user-id': `guarded-${i}` };
    return [
      request('POST', '/guards', { streamId: `channel-${i % 500}`, deviceType: 'tv' }, headers),
      request('PATCH', '/guards/{id}', undefined, headers),
      request('DELETE', '/guards/{id}', undefined, headers),
    ];
  });
}

function routes(): Record<string, (string | string[])[]> {
  const now = Date.now();
  return {
    'POST /heartbeat': beats(),
    'GET /status/user': perUser((userId) => request('GET', `/status/user/${userId}`)),
    'GET /status/users of 100 ids': statusLists(),
    'GET /concurrency/user': perUser((userId) => request('GET', `/concurrency/user/${userId}`)),
    'POST /admission': perUser((userId) => request('POST', '/admission', { userId })),
    'guard: POST, PATCH, DELETE': guardCycles(),
    'GET /online': [request('GET', '/online')],
    'GET /stats/viewercount': [request('GET', '/stats/viewercount')],
    'GET /stats/top': [request('GET', '/stats/top?by=stream&limit=20')],
    'POST /analytics': perUser((user, i) =>
      request('POST', `/analytics?timestamp=${now}&user=${user}&event=${i % 10 ? 'impression' : 'click'}`),
    ),
    'GET /analytics': [request('GET', `/analytics?timestamp=${now}`)],
  };
}

async function measure(bed: Bed, name: string, requests: readonly (string | string[])[]): Promise<Figure[]> {
  const order = { port: bed.port, file: requestFile(requests), connections: CONNECTIONS };
  const load = typeof requests[0] === 'string' ? atMaximum : sequencesAtMaximum;
  const costs: Cost[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    costs.push(await bed.cost(() => load({ ...order, forMs: MAXIMUM_MS })));
  }
  const maximum = median(costs.map((cost) => cost.perSecond));
  const { p50Ms, p99Ms } = await atRate({ ...order, forMs: LATENCY_MS }, maximum / 2);
  return [
    { what: name, value: maximum, unit: '/s' },
    { what: `${name}, CPU of Node and Redis`, value: median(costs.map(cpuUs)), unit: 'µs' },
    { what: `${name}, p50 at half of that`, value: p50Ms, unit: 'ms' },
    { what: `${name}, p99 at half of that`, value: p99Ms, unit: 'ms' },
  ];
}

export async function httpRoutes(): Promise<Figure[]> {
  const bed = await Bed.ofProduct(LASTING);
  try {
    await fill(bed);
    const figures: Figure[] = [];
    for (const [name, requests] of Object.entries(routes())) {
      try {
        figures.push(...(await measure(bed, name, requests)));
      } catch (error) {
        throw new Error(`${name} was not measured`, { cause: error });
      }
    }
    return figures;
  } finally {
    await bed.stop();
  }
}
