/** Why a user was refused lately, for support. */
import { Type } from 'typebox';
import { conflictOf } from '../../problem.ts';
import { EXAMPLE_AT } from '../docs/example.ts';
import { count, instant, SESSION_VIEW, UserParams } from '../fields.ts';
import { ok, type Route, route } from '../route.ts';
import { tag } from './concurrency.ts';
import type { RouteContext } from './context.ts';
import { Conflict } from './refusal.ts';

const { sessionId, streamId, deviceType } = SESSION_VIEW;
const Refusals = Type.Object({
  refusals: Type.Array(
    Type.Object({
      at: instant('When'),
      sessionId,
      streamId,
      deviceType,
      current: count('Sessions that the user had'),
      max: count('Sessions that the user might have'),
      conflicts: Type.Array(Conflict, { description: 'Who held the slots, oldest first; at most 10' }),
    }),
    { description: 'Newest first; at most 5' },
  ),
});

export function refusalRoutes({ refusals }: RouteContext): Route[] {
  return [
    route({
      method: 'GET',
      path: '/refusals/:userId',
      tag,
      summary: 'List the last refusals of a user',
      description:
        'By the limit, and by this process since it started: it remembers 5 of each of the 1,000 users who were refused last.',
      examples: [
        {
          title: 'A second session of a user with a limit of one',
          params: { userId: 'cat' },
          response: {
            refusals: [
              {
                at: EXAMPLE_AT - 60_000,
                sessionId: 'tv-3',
                streamId: 'abc',
                current: 1,
                max: 1,
                conflicts: [
                  { sessionId: 'tv-2', streamId: 'espn', deviceType: 'apple', startedAt: EXAMPLE_AT - 300_000 },
                ],
              },
            ],
          },
        },
      ],
      scope: 'player',
      schema: { params: UserParams, response: Refusals },
      handler: async ({ params: { userId } }) =>
        ok({
          refusals: refusals.of(userId).map(({ conflicts, ...refusal }) => ({
            ...refusal,
            conflicts: conflicts.map(conflictOf),
          })),
        }),
    }),
  ];
}
