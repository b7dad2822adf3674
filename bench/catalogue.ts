/** Every scenario of the bench with its parts: what each shows, and how long it takes. */

import { sizeName } from './options.ts';
import { isSized, type Part, type SizedPart, takesMsAt } from './part.ts';
import { PEER_PARTS } from './peers/peer-parts.ts';
import { scaleChurn } from './scale/churn.ts';
import { scaleIdle } from './scale/idle.ts';
import { scaleLoss } from './scale/loss.ts';
import { scaleMemory } from './scale/memory.ts';
import { scalePage } from './scale/page.ts';
import { scaleSnapshots } from './scale/snapshots.ts';
import { scaleSockets } from './scale/sockets.ts';
import { scaleStats } from './scale/stats.ts';
import { coreMemory, coreRedis } from './scenarios/core.ts';
import { gatewayAdmission, gatewayFanOut, gatewayMemory } from './scenarios/gateway.ts';
import { gatewayHold } from './scenarios/gateway-hold.ts';
import { gatewayWorkers } from './scenarios/gateway-workers.ts';
import { ghostsOfGateway, ghostsOfPause, ghostsOfRollback, ghostsOfSockets } from './scenarios/ghosts.ts';
import { historyMariadb, historySqlite } from './scenarios/history.ts';
import { httpHeartbeat } from './scenarios/http-heartbeat.ts';
import { httpRoutes } from './scenarios/http-routes.ts';
import { httpStatus } from './scenarios/http-status.ts';
import { replicaRedis } from './scenarios/replica.ts';
import { survivalOfCluster, survivalOfFailover, survivalOfGateway } from './scenarios/survival.ts';

export type Catalogue = Readonly<Record<string, Readonly<Record<string, Part | SizedPart>>>>;

/** `all` and `peers` begin no part that would end later than this. */
export const BOUND_MS = 15 * 60_000;

export const isBounded = (scenario: string): boolean => scenario === 'all' || scenario === 'peers';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const isInAll = true;

export const CATALOGUE: Catalogue = {
  core: {
    memory: { shows: 'the embedded store: opens a second, heap a session', takesMs: 30 * SECOND, run: coreMemory },
    redis: { shows: 'the Redis store: CPU of each verb, bytes a session', takesMs: 60 * SECOND, run: coreRedis },
  },
  gateway: {
    memory: { shows: 'process memory of an idle session, uWS and ws', takesMs: 45 * SECOND, run: gatewayMemory },
    admission: {
      shows: 'connect, hello and admission: rate and CPU',
      takesMs: 15 * SECOND,
      run: gatewayAdmission,
      isInAll,
    },
    'fan-out': { shows: 'a change to 50 dashboards: delay and CPU', takesMs: 60 * SECOND, run: gatewayFanOut },
    hold: { shows: 'CPU of a player who only stays', takesMs: 445 * SECOND, run: gatewayHold },
    workers: {
      shows: 'CPU of a player through two workers, and through one process',
      takesMs: 360 * SECOND,
      run: gatewayWorkers,
    },
  },
  http: {
    status: {
      shows: 'status of 100 ids against the heartbeat service it replaces',
      takesMs: 150 * SECOND,
      run: httpStatus,
    },
    heartbeat: { shows: 'POST /heartbeat against the same', takesMs: 270 * SECOND, run: httpHeartbeat },
    routes: { shows: 'each route: rate, CPU, p50 and p99', takesMs: 150 * SECOND, run: httpRoutes },
  },
  history: {
    sqlite: { shows: 'rows written and read, SQLite', takesMs: 10 * MINUTE, run: historySqlite },
    mariadb: { shows: 'rows written and read, MariaDB', takesMs: 15 * MINUTE, run: historyMariadb },
  },
  replica: {
    redis: { shows: 'the read copy: memory, CPU of an answer, delay', takesMs: 60 * SECOND, run: replicaRedis },
  },
  ghosts: {
    sockets: {
      shows: 'how long a player stays online who left or lost its network',
      takesMs: 70 * SECOND,
      run: ghostsOfSockets,
    },
    gateway: { shows: 'the same when its gateway is killed', takesMs: 30 * SECOND, run: ghostsOfGateway, isInAll },
    pause: { shows: 'the same when Redis stood still', takesMs: 60 * SECOND, run: ghostsOfPause },
    rollback: { shows: 'the same when Redis came back with old data', takesMs: 80 * SECOND, run: ghostsOfRollback },
  },
  survival: {
    gateway: { shows: 'players of a gateway that is killed come back', takesMs: 90 * SECOND, run: survivalOfGateway },
    failover: { shows: 'players through a failover of Sentinel', takesMs: 90 * SECOND, run: survivalOfFailover },
    cluster: { shows: 'players through the loss of a master of Cluster', takesMs: 90 * SECOND, run: survivalOfCluster },
  },
  scale: {
    churn: {
      shows: 'CPU of Redis for each act at many sessions',
      takesMs: { base: 60 * SECOND, perMillion: 80 * SECOND },
      runAt: scaleChurn,
    },
    idle: { shows: 'beats and sweeps of up to 200 idle nodes', takesMs: 300 * SECOND, run: scaleIdle },
    loss: {
      shows: 'a node of many sessions is lost',
      takesMs: { base: 150 * SECOND, perMillion: 30 * SECOND },
      runAt: scaleLoss,
    },
    snapshots: {
      shows: 'snapshots of a dashboard, and of 20 at once',
      takesMs: { base: 30 * SECOND, perMillion: 45 * SECOND },
      runAt: scaleSnapshots,
    },
    stats: {
      shows: 'topic stats with few and very many streams',
      takesMs: { base: 260 * SECOND, perMillion: 60 * SECOND },
      runAt: scaleStats,
    },
    page: {
      shows: 'the dashboard in a browser: paint, bytes, gateway CPU',
      takesMs: { base: 270 * SECOND, perMillion: 40 * SECOND },
      runAt: scalePage,
    },
    memory: {
      shows: 'bytes of Redis a session',
      takesMs: { base: 5 * SECOND, perMillion: 40 * SECOND },
      runAt: scaleMemory,
    },
    sockets: { shows: 'many real sockets on several gateways', takesMs: 240 * SECOND, run: scaleSockets },
  },
  peers: PEER_PARTS,
};

/** Scenario, part with its size, and what it is. */
type Chosen = [scenario: string, part: string, Part];

function atSize(part: SizedPart, sessions: number): Part {
  return { shows: part.shows, takesMs: takesMsAt(part, sessions), run: () => part.runAt(sessions) };
}

/** All that a command asks for, parts of several sizes once for each. @throws Error when there is nothing of that name. */
export function partsOf(
  catalogue: Catalogue,
  scenario: string,
  part: string | undefined,
  sessions: readonly number[],
): Chosen[] {
  const all = Object.entries(catalogue).flatMap(([name, parts]) =>
    Object.entries(parts).map(([partName, what]): [string, string, Part | SizedPart] => [name, partName, what]),
  );
  if (scenario === 'all') {
    if (part !== undefined) throw new Error(`'all' has no parts: '${part}'`);
    return all.flatMap(([name, partName, what]): Chosen[] =>
      !isSized(what) && what.isInAll ? [[name, partName, what]] : [],
    );
  }
  const chosen = all.filter(([name]) => name === scenario);
  if (chosen.length === 0) throw new Error(scenario === '' ? 'name a scenario' : `no such scenario: '${scenario}'`);
  const named = part === undefined ? chosen : chosen.filter(([, name]) => name === part);
  if (named.length === 0) throw new Error(`no such part: '${part}'`);
  return named.flatMap(([name, partName, what]): Chosen[] =>
    isSized(what)
      ? sessions.map((size) => [name, `${partName} ${sizeName(size)}`, atSize(what, size)])
      : [[name, partName, what]],
  );
}
