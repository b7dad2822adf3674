/** The problem `concurrency_limit`: which sessions use the limit, and when the first of them could end. */
import { Type } from 'typebox';
import type { OpenResult } from '../../../presence-core/index.ts';
import { type ProblemMembers, refusalDetail, refusalMembers } from '../../problem.ts';
import { SESSION_VIEW } from '../fields.ts';
import { Problem } from '../problem.ts';

type Refused = Extract<OpenResult, { outcome: 'refused' }>;

const { sessionId, streamId, deviceId, deviceType, meta, startedAt, detached } = SESSION_VIEW;
export const Conflict = Type.Object({ sessionId, streamId, deviceId, deviceType, meta, startedAt, detached });

/** Detail of the examples: the user has one session and a limit of one. */
export const EXAMPLE_REFUSAL = refusalDetail({ current: 1, max: 1 });

/** @param status depends on the route. */
export function limitProblem(refused: Refused, status: number, members: ProblemMembers = {}): Problem {
  return new Problem('concurrency_limit', refusalDetail(refused), {
    status,
    members: { ...refusalMembers(refused), ...members },
  });
}
