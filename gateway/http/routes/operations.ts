/** For operators: health checks, metrics and the log level. */
import { Type } from 'typebox';
import { Metrics } from '../../metrics/metrics.ts';
import { Problem } from '../problem.ts';
import { NO_CONTENT, ok, plain, type Route, route, type Tag } from '../route.ts';
import type { RouteContext } from './context.ts';

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

const Healthy = Type.Object({ status: Type.Literal('ok', { description: 'Always ok' }) });

const tag: Tag = {
  name: 'Operations',
  description: 'Health checks, metrics and the log level.',
};

export function operationRoutes({ store, log, metrics, isDraining }: RouteContext): Route[] {
  return [
    route({
      method: 'GET',
      path: '/healthz',
      tag,
      summary: 'Check whether the process is alive (liveness)',
      description: 'Independent of the store.',
      examples: [{ title: 'Alive', response: { status: 'ok' } }],
      scope: 'none',
      schema: { response: Healthy },
      handler: async () => ok({ status: 'ok' }),
    }),
    route({
      method: 'GET',
      path: '/readyz',
      tag,
      summary: 'Check whether the node can take traffic (readiness)',
      description: '200 if the store answers and the node is not draining; 503 otherwise.',
      probe: true,
      problems: [{ code: 'store_unavailable' }, { code: 'draining' }],
      examples: [{ title: 'Ready', response: { status: 'ok' } }],
      scope: 'none',
      schema: { response: Healthy },
      async handler() {
        if (isDraining()) throw new Problem('draining', 'The node is shutting down: send new players to another node.');
        await store.ping();
        return ok({ status: 'ok' });
      },
    }),
    route({
      method: 'GET',
      path: '/metrics',
      tag,
      summary: 'Get metrics in the text format of Prometheus',
      description:
        'Metrics of this process and of the store. No label has a user, session or stream id. Scrapes within one second get the same values.',
      textType: 'text/plain',
      examples: [{ title: 'All metrics', text: '# TYPE presence_http_requests_total counter\n' }],
      scope: 'none',
      schema: {},
      handler: async () => ({ ...plain(await metrics.text()), headers: { 'content-type': Metrics.contentType } }),
    }),
    route({
      method: 'PUT',
      path: '/log-level',
      tag,
      summary: 'Set the log level',
      description: 'Of this process, until it restarts with LOG_LEVEL.',
      examples: [{ title: 'Log what each request did', body: { level: 'debug' } }],
      scope: 'admin',
      schema: { body: Type.Object({ level: Type.Enum([...LEVELS], { description: 'Lowest level that is logged' }) }) },
      async handler({ body, requestId }) {
        log.level = body.level;
        log.info({ correlationId: requestId, logLevel: body.level }, 'log level set');
        return NO_CONTENT;
      },
    }),
  ];
}
