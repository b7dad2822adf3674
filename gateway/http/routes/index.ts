/** All routes. */
import type { Route } from '../route.ts';
import { administrationRoutes } from './administration.ts';
import { analyticsRoutes } from './analytics.ts';
import { clientRoutes } from './client.ts';
import { concurrencyRoutes } from './concurrency.ts';
import type { RouteContext } from './context.ts';
import { documentRoutes } from './documents.ts';
import { guardRoutes } from './guards.ts';
import { heartbeatRoutes } from './heartbeat.ts';
import { historyRoutes } from './history.ts';
import { operationRoutes } from './operations.ts';
import { statsRoutes } from './stats.ts';
import { statusRoutes } from './status.ts';

/** A process without the role `sidecar` has only health checks, metrics and the log level. */
export function createRoutes(context: RouteContext): Route[] {
  if (!context.config.roles.includes('sidecar')) return operationRoutes(context);
  const routes = [
    ...heartbeatRoutes(context),
    ...guardRoutes(context),
    ...statusRoutes(context),
    ...concurrencyRoutes(context),
    ...administrationRoutes(context),
    ...statsRoutes(context),
    ...analyticsRoutes(context),
    ...historyRoutes(context),
    ...operationRoutes(context),
    ...clientRoutes(),
  ];
  return [...routes, ...documentRoutes(context, routes)];
}
