/** What runs the process: is it alive, may it be sent traffic, how much does it log. */
import { Type } from 'typebox';
import { Metrics } from '../../metrics/metrics.ts';
import { Problem } from '../problem.ts';
import { NO_CONTENT, ok, plain, type Route, route, type Tag } from '../route.ts';
import type { RouteContext } from './context.ts';

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

const Alive = Type.Object({ status: Type.Literal('ok') });

const tag: Tag = {
  name: 'Operations',
  description: 'What runs the process.',
};

export function operationRoutes({ store, log, metrics, isDraining }: RouteContext): Route[] {
  return [
    route({
      method: 'GET',
      path: '/healthz',
      tag,
      summary: 'Whether the process is alive',
      examples: [{ title: 'Alive', response: { status: 'ok' } }],
      scope: 'none',
      schema: { response: Alive },
      handler: async () => ok({ status: 'ok' }),
    }),
    route({
      method: 'GET',
      path: '/readyz',
      tag,
      summary: 'Whether it may be sent traffic',
      description: 'The store answers and this node is not draining.',
      problems: [{ code: 'store_unavailable' }, { code: 'draining' }],
      examples: [{ title: 'Ready', response: { status: 'ok' } }],
      scope: 'none',
      schema: { response: Alive },
      async handler() {
        if (isDraining()) throw new Problem('draining', 'Send new players to another node.');
        await store.ping();
        return ok({ status: 'ok' });
      },
    }),
    route({
      method: 'GET',
      path: '/metrics',
      tag,
      summary: 'Metrics of this process and of the store, as Prometheus reads them',
      description: 'No label names a user, a session or a stream. Scrapes within a second share one answer.',
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
      summary: 'Sets the least level that is logged',
      examples: [{ title: 'All steps of each request', body: { level: 'debug' } }],
      scope: 'admin',
      schema: { body: Type.Object({ level: Type.Enum([...LEVELS]) }) },
      async handler({ body, requestId }) {
        log.level = body.level;
        log.info({ correlationId: requestId, logLevel: body.level }, 'log level set');
        return NO_CONTENT;
      },
    }),
  ];
}
