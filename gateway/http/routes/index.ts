/** All routes. */
import type { Route } from '../route.ts';
import { administrationRoutes } from './administration.ts';
import { analyticsRoutes } from './analytics.ts';
import { clientRoutes } from './client.ts';
import { concurrencyRoutes } from './concurrency.ts';
import type { RouteContext } from './context.ts';
import { dashboardRoutes } from './dashboard.ts';
import { demoRoutes } from './demo.ts';
import { documentRoutes } from './documents.ts';
import { guardRoutes } from './guards.ts';
import { heartbeatRoutes } from './heartbeat.ts';
import { historyRoutes } from './history.ts';
import { nodeRoutes } from './nodes.ts';
import { operationRoutes } from './operations.ts';
import { refusalRoutes } from './refusals.ts';
import { statsRoutes } from './stats.ts';
import { statusRoutes } from './status.ts';

/** Health checks, metrics and the log level: what ADMIN_PORT serves. */
export function createAdminRoutes(context: RouteContext): Route[] {
  const { health, insight } = operationRoutes(context);
  return [...health, ...insight];
}

/** A process without the role `sidecar` has only health checks, and metrics and the log level unless ADMIN_PORT has them. */
export function createRoutes(context: RouteContext): Route[] {
  const { health, insight } = operationRoutes(context);
  const operations = context.config.adminPort === undefined ? [...health, ...insight] : health;
  if (!context.config.roles.includes('sidecar')) return operations;
  const routes = [
    ...heartbeatRoutes(context),
    ...guardRoutes(context),
    ...statusRoutes(context),
    ...concurrencyRoutes(context),
    ...administrationRoutes(context),
    ...statsRoutes(context),
    ...analyticsRoutes(context),
    ...historyRoutes(context),
    ...refusalRoutes(context),
    ...nodeRoutes(context),
    ...operations,
    ...dashboardRoutes(context),
    ...clientRoutes(),
    ...demoRoutes(context),
  ];
  return [...routes, ...documentRoutes(context, routes)];
}
