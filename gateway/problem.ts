/** Problem bodies (RFC 9457), the same over HTTP and WebSocket. */
import type { OpenResult, Session } from '../presence-core/index.ts';
import type { ProblemBody } from './protocol/messages.ts';
import { PROBLEMS, type ProblemCode } from './protocol/problems.ts';

export type ProblemMembers = Readonly<Record<string, unknown>>;

export function problemBody(code: ProblemCode, detail: string, members: ProblemMembers = {}): ProblemBody {
  const { status, title } = PROBLEMS[code];
  return { type: `urn:presence:problem:${code}`, title, status, code, detail, ...members };
}

/** A session that counts towards the limit, as a refused player sees it. */
export function conflictOf({ sessionId, streamId, deviceType, startedAt }: Session) {
  return { sessionId, streamId, deviceType, startedAt };
}

/** Members of a `concurrency_limit`: the sessions that use up the limit, and the earliest end of one of them. */
export function refusalMembers(result: Extract<OpenResult, { outcome: 'refused' }>) {
  const { current, max, conflicts, nextFreeAt } = result;
  return { max, current, conflicts: conflicts.map(conflictOf), nextFreeAt };
}

export function refusalDetail({ current, max }: { readonly current: number; readonly max: number }): string {
  return `The user has ${current} of ${max} allowed sessions: end one to start another.`;
}
