/** Counts and times HTTP requests. */
import type { Durations } from './durations.ts';
import { byLabel, type Metrics, type Sample } from './metrics.ts';

/** A request that has its response. */
export interface ObservedRequest {
  readonly method: string;
  /** Path pattern of the route; undefined when no route matched. */
  readonly route: string | undefined;
  readonly status: number;
  readonly durationMs: number;
}

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);
const BOUNDS_S = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];

interface RouteFigures {
  readonly labels: { readonly method: string; readonly route: string };
  readonly statuses: Record<string, number>;
  readonly durations: Durations;
}

/** @returns a function to call after each response. */
export function observeRequests(metrics: Metrics): (request: ObservedRequest) => void {
  const byMethod = new Map<string, Map<string, RouteFigures>>();
  const durationsOf = metrics.histogram(
    { name: 'http_request_duration_seconds', help: 'HTTP request duration' },
    BOUNDS_S,
  );

  function add(method: string, route: string): RouteFigures {
    const labels = { method, route };
    const added: RouteFigures = { labels, statuses: {}, durations: durationsOf(labels) };
    const routes = byMethod.get(method);
    if (routes) routes.set(route, added);
    else byMethod.set(method, new Map([[route, added]]));
    return added;
  }

  function* samples(): Generator<Sample> {
    for (const routes of byMethod.values()) {
      for (const { labels, statuses } of routes.values()) {
        for (const sample of byLabel('status', statuses)) yield { ...sample, labels: { ...labels, ...sample.labels } };
      }
    }
  }
  metrics.counter(
    {
      name: 'http_requests_total',
      help: 'HTTP requests by method, route and status',
      labels: ['method', 'route', 'status'],
    },
    () => [...samples()],
  );

  return ({ method: written, route = 'unmatched', status, durationMs }) => {
    const method = METHODS.has(written) ? written : 'other';
    const figures = byMethod.get(method)?.get(route) ?? add(method, route);
    figures.statuses[status] = (figures.statuses[status] ?? 0) + 1;
    figures.durations.observe(durationMs / 1_000);
  };
}
