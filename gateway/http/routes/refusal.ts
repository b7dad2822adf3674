import { Type } from 'typebox';
import type { OpenResult } from '../../../presence-core/index.ts';
import { type ProblemMembers, refusalDetail, refusalMembers } from '../../problem.ts';
import { Problem } from '../problem.ts';

type Refused = Extract<OpenResult, { outcome: 'refused' }>;

export const Conflict = Type.Object({
  sessionId: Type.String(),
  streamId: Type.Optional(Type.String()),
  deviceType: Type.Optional(Type.String()),
  startedAt: Type.Integer(),
});

/** `concurrency_limit`: who holds the slots, and when the first could free. Its status depends on the route. */
export function limitProblem(refused: Refused, status: number, members: ProblemMembers = {}): Problem {
  return new Problem('concurrency_limit', refusalDetail(refused), {
    status,
    members: { ...refusalMembers(refused), ...members },
  });
}
