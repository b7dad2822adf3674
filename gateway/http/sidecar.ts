/** The HTTP API: routes over the store, and the server that serves them. */
import type { Logger } from 'pino';
import type { PresenceStore } from '../../presence-core/index.ts';
import type { Authenticator } from '../auth/authenticator.ts';
import type { Config } from '../config/config.ts';
import type { HistoryReads } from '../history/index.ts';
import { createClientAddress } from '../limits/client-address.ts';
import { createLocalAccess } from '../limits/local-access.ts';
import { createClientRate } from '../limits/rate-limit.ts';
import { observeRequests } from '../metrics/http-metrics.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { NodeReports } from '../metrics/node-reports.ts';
import { RecentRefusals } from '../metrics/recent-refusals.ts';
import type { Returns } from '../node/returns.ts';
import type { Replica } from '../replica/replica.ts';
import type { Uws } from '../transport/uws-module.ts';
import { createDispatch, type Doubt } from './dispatch.ts';
import type { Dispatch } from './exchange.ts';
import { ownReadiness, type Readiness } from './readiness.ts';
import type { Route } from './route.ts';
import type { Deployment, RouteContext } from './routes/context.ts';
import { createAdminRoutes, createRoutes } from './routes/index.ts';
import type { HttpServer } from './server/http-server.ts';
import { createNodeServer } from './server/node-server.ts';
import { createUwsServer } from './server/uws-server.ts';
import { boundStore, STORE_BOUND_MS } from './sidecar-store.ts';

export interface SidecarOptions {
  readonly config: Config;
  /** Where this process serves sockets; undefined: it does not. */
  readonly wsPort?: number | undefined;
  readonly authenticator: Authenticator;
  /** May still be starting: until then its calls fail and the outage policy applies. */
  readonly store: PresenceStore;
  /** Undefined when this process has no history. */
  readonly history: HistoryReads | undefined;
  readonly replica?: Replica | undefined;
  /** The process's root logger: PUT /log-level sets its level. */
  readonly log: Logger;
  readonly metrics: Metrics;
  /** Undefined: this process has its ports for itself. */
  readonly deployment?: Deployment | undefined;
  /** What the nodes tell of themselves; undefined: this process is none. */
  readonly reports?: Pick<NodeReports, 'own' | 'others'>;
  readonly refusals?: Pick<RecentRefusals, 'of'>;
  /** Undefined: node:http serves. */
  readonly uws: Uws | undefined;
  /** Open connections; more are cut. */
  readonly maxConnections?: number;
  /** No more sockets are accepted. */
  readonly isFull?: () => boolean;
  readonly isDraining: () => boolean;
  /** The store forgot, and may not have all sessions again that sockets hold (P10). */
  readonly isRestoring?: () => boolean;
  readonly isReturning?: () => boolean;
  readonly returns?: Pick<Returns, 'answered'>;
  readonly giveUp?: RouteContext['giveUp'];
  /** The store takes no beats of this process: what it answers may be old (P10). */
  readonly isUnconfirmed?: () => boolean;
  /** Admissions may go unchecked, or changes may be late. */
  readonly isDegraded?: () => boolean;
}

/** Of a sidecar that no node stands behind. */
const NOBODY_RETURNS = { answered: () => undefined };

export interface Sidecar extends HttpServer {
  /** For operators; undefined without ADMIN_PORT. */
  readonly admin: HttpServer | undefined;
  /** Of this process alone, whoever shares its ports. */
  readiness(): Promise<Readiness>;
  /** Processes a request without a server. */
  readonly dispatch: Dispatch;
  /** The routes it serves. */
  readonly routes: readonly Route[];
}

export function createSidecar(options: SidecarOptions): Sidecar {
  const {
    config,
    wsPort,
    authenticator,
    store,
    history,
    replica,
    log,
    metrics,
    reports,
    refusals = new RecentRefusals(),
    uws,
    maxConnections = Number.POSITIVE_INFINITY,
    isFull = () => false,
    isDraining,
    isRestoring = () => false,
    isReturning = () => false,
    returns = NOBODY_RETURNS,
    giveUp = () => undefined,
    isUnconfirmed = () => false,
    isDegraded = () => false,
    deployment = {
      metrics: () => metrics.text(),
      readiness: () => readiness(),
      setLogLevel(level) {
        log.level = level;
      },
    },
  } = options;
  const sharesPort = options.deployment !== undefined;
  const bounded = boundStore(store, STORE_BOUND_MS, (error, correlationId) =>
    log.warn(
      { correlationId, err: error },
      'could not notify sockets of ended sessions: they close at their next renewal',
    ),
  );
  const readiness = (): Promise<Readiness> => ownReadiness({ config, store: bounded, isDraining, isFull, isDegraded });
  const context: RouteContext = {
    config,
    wsPort,
    store: bounded,
    history,
    replica,
    log,
    deployment,
    reports,
    refusals,
    isRestoring,
    isReturning,
    returns,
    giveUp,
  };
  const routes = createRoutes(context);
  const dispatchOptions = {
    observe: observeRequests(metrics),
    log,
    logRequests: config.logRequests,
    doubt: (): Doubt | undefined => (isRestoring() ? 'restoring' : isUnconfirmed() ? 'unconfirmed' : undefined),
    allowedOrigins: config.allowedOrigins,
    localAccess: createLocalAccess(config),
    authenticator,
    clientAddress: createClientAddress(config.trustedProxies),
    requestRate: createClientRate(config.rateRequestsPerSecond, config.rateRequestsBurst),
    keyRate: createClientRate(config.rateKeysPerSecond, config.rateKeysBurst),
  };
  const dispatch = createDispatch({ ...dispatchOptions, routes });
  const server = uws
    ? createUwsServer(uws, dispatch, { maxConnections, sharesPort })
    : createNodeServer(dispatch, { maxConnections, sharesPort });
  // Always node:http, which also answers the HTTP/1.0 of some health checks.
  const admin =
    config.adminPort === undefined
      ? undefined
      : createNodeServer(createDispatch({ ...dispatchOptions, routes: createAdminRoutes(context) }), { sharesPort });
  return { dispatch, routes, admin, readiness, ...server };
}
