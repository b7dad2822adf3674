/** The HTTP side of presence: routes over the store, and what serves them. */
import type { Logger } from 'pino';
import type { PresenceStore } from '../../presence-core/index.ts';
import type { Authenticator } from '../auth/authenticator.ts';
import type { Config } from '../config/config.ts';
import type { HistoryReads } from '../history/index.ts';
import { createClientAddress } from '../limits/client-address.ts';
import { createClientRate } from '../limits/rate-limit.ts';
import { observeRequests } from '../metrics/http-metrics.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { Replica } from '../replica/replica.ts';
import type { Uws } from '../transport/uws-module.ts';
import { createDispatch, type Dispatch } from './dispatch.ts';
import type { Route } from './route.ts';
import { createRoutes } from './routes/index.ts';
import type { HttpServer } from './server/http-server.ts';
import { createNodeServer } from './server/node-server.ts';
import { createUwsServer } from './server/uws-server.ts';
import { boundStore, STORE_BOUND_MS } from './sidecar-store.ts';

export interface SidecarOptions {
  readonly config: Config;
  readonly authenticator: Authenticator;
  /** May still be starting: until it serves, its calls fail and the outage policy holds. */
  readonly store: PresenceStore;
  /** Undefined where none is kept. */
  readonly history: HistoryReads | undefined;
  readonly replica?: Replica | undefined;
  /** The process's root logger: PUT /log-level sets its level. */
  readonly log: Logger;
  readonly metrics: Metrics;
  /** Serves; node:http does without it. */
  readonly uws: Uws | undefined;
  readonly isDraining: () => boolean;
}

export interface Sidecar extends HttpServer {
  /** The way of a request without a server. */
  readonly dispatch: Dispatch;
  /** What it serves. */
  readonly routes: readonly Route[];
}

export function createSidecar(options: SidecarOptions): Sidecar {
  const { config, authenticator, store, history, replica, log, metrics, uws, isDraining } = options;
  const bounded = boundStore(store, STORE_BOUND_MS, (error, correlationId) =>
    log.warn({ correlationId, err: error }, 'sockets were not told'),
  );
  const routes = createRoutes({ config, store: bounded, history, replica, log, metrics, isDraining });
  const dispatch = createDispatch({
    routes,
    answered: observeRequests(metrics),
    log,
    logRequests: config.logRequests,
    allowedOrigins: config.allowedOrigins,
    authenticator,
    clientAddress: createClientAddress(config.trustedProxies),
    requestRate: createClientRate(config.rateRequestsPerSecond, config.rateRequestsBurst),
  });
  return { dispatch, routes, ...(uws ? createUwsServer(uws, dispatch) : createNodeServer(dispatch)) };
}
