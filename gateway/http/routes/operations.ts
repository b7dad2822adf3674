/** What runs the process: is it alive, may it be sent traffic, how much does it log. */
import { Type } from 'typebox';
import { Problem } from '../problem.ts';
import { NO_CONTENT, ok, type Route, route } from '../route.ts';
import type { RouteContext } from './context.ts';

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

const Alive = Type.Object({ status: Type.Literal('ok') });

export function operationRoutes({ store, log, isDraining }: RouteContext): Route[] {
  return [
    route({
      method: 'GET',
      path: '/healthz',
      scope: 'none',
      schema: { response: Alive },
      handler: async () => ok({ status: 'ok' }),
    }),
    route({
      method: 'GET',
      path: '/readyz',
      scope: 'none',
      schema: { response: Alive },
      async handler() {
        if (isDraining()) throw new Problem('draining', 'Send new players to another node.');
        await store.ping();
        return ok({ status: 'ok' });
      },
    }),
    route({
      method: 'PUT',
      path: '/log-level',
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
