/**
 * Wraps a store and measures each call: duration, errors and results. Neither the store nor its callers notice. The
 * label `verb` is facet and method, as in `sessions.open`.
 */
import {
  type BeatResult,
  isOutage,
  isOverload,
  type PresenceStore,
  type StoreNodes,
  type StoreSessions,
} from '../../presence-core/index.ts';
import type { Metrics } from './metrics.ts';
import { type Absence, registerStoreFigures, type StoreFigures } from './store-figures.ts';

const BOUNDS_S = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];

type Act<Args extends unknown[], Result> = (...args: Args) => Promise<Result>;
type Time = <Args extends unknown[], Result>(
  verb: string,
  act: Act<Args, Result>,
  answered?: (result: Result, ...args: Args) => void,
  failed?: (error: unknown, begunAt: number, ...args: Args) => void,
) => Act<Args, Result>;

/**
 * @param figures count what is answered and what fails.
 * @param whenAway the result of an open without an answer from the store.
 * @param facets stand in for the store's.
 */
export function observeStore(
  store: PresenceStore,
  metrics: Metrics,
  figures: StoreFigures,
  whenAway: Absence,
  facets: Partial<Pick<PresenceStore, 'sessions' | 'inbox'>> = {},
): PresenceStore {
  registerStoreFigures(figures, metrics);
  const time = timer(figures, metrics);
  const { reads, limits, log, snapshots, analytics } = store;
  const { sessions = store.sessions, inbox = store.inbox } = facets;
  return {
    name: store.name,
    isShared: store.isShared,
    outlivesProcess: store.outlivesProcess,
    start: () => store.start(),
    stop: () => store.stop(),
    ping: time('ping', () => store.ping()),
    secret: () => store.secret(),
    serverStats: () => store.serverStats(),
    sessions: observeSessions(sessions, figures, time, whenAway),
    nodes: observeNodes(store.nodes, figures, time),
    reads: {
      status: time('reads.status', (userIds) => reads.status(userIds)),
      sessions: time('reads.sessions', (userIds) => reads.sessions(userIds)),
      counts: time('reads.counts', (dimensions) => reads.counts(dimensions)),
      top: time('reads.top', (by, limit) => reads.top(by, limit)),
    },
    limits: {
      override: time('limits.override', (userId) => limits.override(userId)),
      setOverride: time('limits.setOverride', (userId, max) => limits.setOverride(userId, max)),
    },
    log: {
      tail: time('log.tail', () => log.tail()),
      head: () => log.head(),
      // It waits for new entries: its duration has no meaning.
      read: (cursor, limit, waitMs, shards) =>
        log.read(cursor, limit, waitMs, shards).catch((error) => {
          figures.failed('log.read', error);
          throw error;
        }),
      get strays() {
        return log.strays;
      },
      upholds: time('log.upholds', (cursor, shards) => log.upholds(cursor, shards)),
      shorten: (cursor) => log.shorten(cursor),
      resolve: time('log.resolve', (text) => log.resolve(text)),
      positions: (cursor) => log.positions(cursor),
      shardsOf: (userIds) => log.shardsOf(userIds),
      moved: (cursor, place, shards) => log.moved(cursor, place, shards),
      keptMs: time('log.keptMs', () => log.keptMs()),
    },
    snapshots: {
      parts: snapshots.parts,
      shards: snapshots.shards,
      get division() {
        return snapshots.division;
      },
      partOf: (userId) => snapshots.partOf(userId),
      page: time('snapshots.page', (first, streamId) => snapshots.page(first, streamId)),
      ofUser: time('snapshots.ofUser', (userId) => snapshots.ofUser(userId)),
    },
    groups: store.groups,
    analytics: {
      count: time('analytics.count', (event) => analytics.count(event)),
      hours: time('analytics.hours', () => analytics.hours()),
      hour: time('analytics.hour', (at) => analytics.hour(at)),
    },
    inbox: {
      notify: time('inbox.notify', (displaced, by) => inbox.notify(displaced, by)),
      send: time('inbox.send', (nodeIds, message) => inbox.send(nodeIds, message)),
      listen: (nodeId, deliver) => inbox.listen(nodeId, deliver),
    },
  };
}

function observeSessions(sessions: StoreSessions, figures: StoreFigures, time: Time, whenAway: Absence): StoreSessions {
  return {
    open: time(
      'sessions.open',
      (request) => sessions.open(request),
      (result, request) => figures.opened(request, result),
      (error, _, request) => {
        if (isOutage(error)) figures.unanswered(request, whenAway);
        else if (isOverload(error)) figures.unanswered(request, 'overloaded');
      },
    ),
    renew: time(
      'sessions.renew',
      (requests) => sessions.renew(requests),
      (results) => figures.renewed(results),
    ),
    update: time('sessions.update', (request) => sessions.update(request)),
    detach: time('sessions.detach', (requests, graceMs) => sessions.detach(requests, graceMs)),
    close: time(
      'sessions.close',
      (request) => sessions.close(request),
      (result) => {
        if (result.outcome === 'closed') figures.displacedBy([result.displaced]);
      },
    ),
    kick: time(
      'sessions.kick',
      (userId) => sessions.kick(userId),
      (displaced) => figures.displacedBy(displaced),
    ),
  };
}

function observeNodes(nodes: StoreNodes, figures: StoreFigures, time: Time): StoreNodes {
  const beaten = (result: BeatResult): void => figures.beaten(result);
  const missed = (_: unknown, begunAt: number): void => figures.beatFailed(begunAt);
  return {
    join: time('nodes.join', (...args: Parameters<typeof nodes.join>) => nodes.join(...args), beaten, missed),
    beat: time('nodes.beat', (...args: Parameters<typeof nodes.beat>) => nodes.beat(...args), beaten, missed),
    quit: time('nodes.quit', (nodeId) => nodes.quit(nodeId)),
    confirmRestored: time('nodes.confirmRestored', (...args) => nodes.confirmRestored(...args)),
    report: time('nodes.report', (...args) => nodes.report(...args)),
    reports: time('nodes.reports', (nodeIds) => nodes.reports(nodeIds)),
    sweep: time(
      'nodes.sweep',
      () => nodes.sweep(),
      (result) => figures.swept(result),
    ),
  };
}

function timer(figures: StoreFigures, metrics: Metrics): Time {
  const durations = metrics.histogram(
    { name: 'store_duration_seconds', help: 'Duration of store calls by verb, failed calls included' },
    BOUNDS_S,
  );
  return (verb, act, answered, failed) => {
    const duration = durations({ verb });
    return async (...args) => {
      const begunAt = performance.now();
      figures.inFlight += 1;
      try {
        const result = await act(...args);
        answered?.(result, ...args);
        return result;
      } catch (error) {
        figures.failed(verb, error);
        failed?.(error, begunAt, ...args);
        throw error;
      } finally {
        figures.inFlight -= 1;
        const tookMs = performance.now() - begunAt;
        figures.calls.count += 1;
        figures.calls.totalMs += tookMs;
        duration.observe(tookMs / 1_000);
      }
    };
  };
}
