/** The HTTP API: routes over the store, and the server that serves them. */
import type { Logger } from 'pino';
import type { PresenceStore } from '../../presence-core/index.ts';
import type { Authenticator } from '../auth/authenticator.ts';
import type { Config } from '../config/config.ts';
import type { HistoryReads } from '../history/index.ts';
import { createClientAddress } from '../limits/client-address.ts';
import { createClientRate } from '../limits/rate-limit.ts';
import { observeRequests } from '../metrics/http-metrics.ts';
import type { Metrics } from '../metrics/metrics.ts';
import { Returns } from '../node/returns.ts';
import type { Replica } from '../replica/replica.ts';
import type { Uws } from '../transport/uws-module.ts';
import { createDispatch } from './dispatch.ts';
import type { Dispatch } from './exchange.ts';
import type { Route } from './route.ts';
import { createRoutes } from './routes/index.ts';
import type { HttpServer } from './server/http-server.ts';
import { createNodeServer } from './server/node-server.ts';
import { createUwsServer } from './server/uws-server.ts';
import { boundStore, STORE_BOUND_MS } from './sidecar-store.ts';

export interface SidecarOptions {
  readonly config: Config;
  readonly authenticator: Authenticator;
  /** May still be starting: until then its calls fail and the outage policy applies. */
  readonly store: PresenceStore;
  /** Undefined when this process has no history. */
  readonly history: HistoryReads | undefined;
  readonly replica?: Replica | undefined;
  /** The process's root logger: PUT /log-level sets its level. */
  readonly log: Logger;
  readonly metrics: Metrics;
  /** Undefined: node:http serves. */
  readonly uws: Uws | undefined;
  readonly isDraining: () => boolean;
  /** The store forgot, and may not have all sessions again that sockets hold (P10). */
  readonly isRestoring?: () => boolean;
  readonly isReturning?: () => boolean;
  readonly returns?: Returns;
  /** The store takes no beats of this process: what it answers may be old (P10). */
  readonly isUnconfirmed?: () => boolean;
  /** Admissions may go unchecked, or changes may be late. */
  readonly isDegraded?: () => boolean;
}

export interface Sidecar extends HttpServer {
  /** Processes a request without a server. */
  readonly dispatch: Dispatch;
  /** The routes it serves. */
  readonly routes: readonly Route[];
}

export function createSidecar(options: SidecarOptions): Sidecar {
  const {
    config,
    authenticator,
    store,
    history,
    replica,
    log,
    metrics,
    uws,
    isDraining,
    isRestoring = () => false,
    isReturning = () => false,
    returns = new Returns(),
    isUnconfirmed = () => false,
    isDegraded = () => false,
  } = options;
  const bounded = boundStore(store, STORE_BOUND_MS, (error, correlationId) =>
    log.warn(
      { correlationId, err: error },
      'could not notify sockets of ended sessions: they close at their next renewal',
    ),
  );
  const routes = createRoutes({
    config,
    store: bounded,
    history,
    replica,
    log,
    metrics,
    isDraining,
    isRestoring,
    isReturning,
    returns,
    isDegraded,
  });
  const dispatch = createDispatch({
    routes,
    observe: observeRequests(metrics),
    log,
    logRequests: config.logRequests,
    doubt: () => (isRestoring() ? 'restoring' : isUnconfirmed() ? 'unconfirmed' : undefined),
    allowedOrigins: config.allowedOrigins,
    authenticator,
    clientAddress: createClientAddress(config.trustedProxies),
    requestRate: createClientRate(config.rateRequestsPerSecond, config.rateRequestsBurst),
  });
  return { dispatch, routes, ...(uws ? createUwsServer(uws, dispatch) : createNodeServer(dispatch)) };
}
