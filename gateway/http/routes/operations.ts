/** For operators: health checks, metrics and the log level. */
import { Type } from 'typebox';
import { Metrics } from '../../metrics/metrics.ts';
import { Problem } from '../problem.ts';
import { NO_CONTENT, ok, plain, type Route, route, type Tag } from '../route.ts';
import type { RouteContext } from './context.ts';

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

const RETRY_AFTER_S = '1';

const Healthy = Type.Object({ status: Type.Literal('ok', { description: 'Always ok' }) });

const Ready = Type.Object({
  status: Type.Union([Type.Literal('ok'), Type.Literal('degraded')], {
    description: 'degraded: admissions may go unchecked, or changes may be late',
  }),
});

const tag: Tag = {
  name: 'Operations',
  description: 'Health checks, metrics and the log level.',
};

/** What a port of operators serves; with ADMIN_PORT, what tells or changes something is served by no other. */
export function operationRoutes(context: RouteContext): { health: Route[]; insight: Route[] } {
  return { health: healthRoutes(context), insight: insightRoutes(context) };
}

function liveness(path: string, summary: string, description: string): Route {
  return route({
    method: 'GET',
    path,
    tag,
    summary,
    description,
    examples: [{ title: 'Alive', response: { status: 'ok' } }],
    scope: 'none',
    schema: { response: Healthy },
    handler: async () => ok({ status: 'ok' }),
  });
}

function healthRoutes({ deployment }: RouteContext): Route[] {
  return [
    liveness(
      '/livez',
      'Check whether the process is alive (liveness)',
      'Independent of the store, of draining and of load: what fails it is to be restarted.',
    ),
    liveness('/healthz', 'Check whether the process is alive', 'The same as /livez.'),
    route({
      method: 'GET',
      path: '/readyz',
      tag,
      summary: 'Check whether the node can take traffic (readiness)',
      description:
        'Whether to send players here. 200 `ok`; 200 `degraded` while the store is away, fails or is being restored and OUTAGE_POLICY=open lets players in all the same; 503 then with OUTAGE_POLICY=closed, while draining (DRAIN_DELAY_MS before players are asked to leave), and while no more sockets can be accepted. With WORKERS: whether any worker takes players.',
      probe: true,
      problems: [{ code: 'store_unavailable' }, { code: 'draining' }, { code: 'overloaded' }],
      examples: [{ title: 'Ready', response: { status: 'ok' } }],
      scope: 'none',
      schema: { response: Ready },
      async handler() {
        const readiness = await deployment.readiness();
        switch (readiness) {
          case 'ok':
          case 'degraded':
            return ok({ status: readiness });
          case 'draining':
            throw new Problem('draining', 'The node is shutting down: send new players to another node.');
          case 'overloaded':
            throw new Problem('overloaded', 'No more sockets can be accepted: send new players to another node.', {
              headers: { 'retry-after': RETRY_AFTER_S },
            });
          case 'store_unavailable':
            throw new Problem(
              'store_unavailable',
              'The store is away, fails, or is being restored: no players are let in.',
            );
        }
      },
    }),
  ];
}

function insightRoutes({ log, deployment }: RouteContext): Route[] {
  return [
    route({
      method: 'GET',
      path: '/metrics',
      tag,
      summary: 'Get metrics in the text format of Prometheus',
      description:
        'Metrics of this process, or of all workers (WORKERS) together, and of the store. No label has a user, session or stream id. Scrapes within one second get the same values.',
      textType: 'text/plain',
      examples: [{ title: 'All metrics', text: '# TYPE presence_http_requests_total counter\n' }],
      scope: 'none',
      schema: {},
      handler: async () => ({ ...plain(await deployment.metrics()), headers: { 'content-type': Metrics.contentType } }),
    }),
    route({
      method: 'PUT',
      path: '/log-level',
      tag,
      summary: 'Set the log level',
      description: 'Of this process, or of all workers (WORKERS), until a restart with LOG_LEVEL.',
      examples: [{ title: 'Log what each request did', body: { level: 'debug' } }],
      scope: 'admin',
      schema: { body: Type.Object({ level: Type.Enum([...LEVELS], { description: 'Lowest level that is logged' }) }) },
      async handler({ body, requestId }) {
        deployment.setLogLevel(body.level);
        log.info({ correlationId: requestId, logLevel: body.level }, 'log level set');
        return NO_CONTENT;
      },
    }),
  ];
}
