/** Who is online. */
import { Type } from 'typebox';
import type { UserStatus } from '../../../presence-core/index.ts';
import { Counted, IdList, LONG_LIST_BYTES, LongIdList, UserParams } from '../fields.ts';
import { ok, type Route, route } from '../route.ts';
import type { RouteContext } from './context.ts';

const Status = Type.Object({
  userId: Type.String(),
  online: Type.Boolean(),
  sessions: Type.Integer(),
  lastSeenAt: Type.Union([Type.Integer(), Type.Null()]),
});
const Statuses = Type.Object({ users: Type.Array(Status) });

export function statusRoutes({ store }: RouteContext): Route[] {
  const statuses = async (ids: readonly string[]) => ok({ users: await store.status(ids) });
  return [
    route({
      method: 'GET',
      path: '/status/user/:userId',
      scope: 'player',
      schema: { params: UserParams, response: Status },
      async handler({ params }) {
        const [status] = await store.status([params.userId]);
        return ok(status as UserStatus);
      },
    }),
    route({
      method: 'GET',
      path: '/status/users',
      scope: 'read',
      schema: { query: IdList, response: Statuses },
      handler: ({ query }) => statuses(query.ids),
    }),
    route({
      method: 'POST',
      path: '/status/users',
      scope: 'read',
      maxBodyBytes: LONG_LIST_BYTES,
      schema: { body: LongIdList, response: Statuses },
      handler: ({ body }) => statuses(body.ids),
    }),
    route({
      method: 'GET',
      path: '/online',
      scope: 'read',
      schema: { response: Counted },
      async handler() {
        const [count] = await store.counts([{ by: 'total' }]);
        return ok(count as Type.Static<typeof Counted>);
      },
    }),
  ];
}
