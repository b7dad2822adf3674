/** Problem bodies (RFC 9457), the same over HTTP and WebSocket. */
import { isOverload, type OpenResult, type Session } from '../presence-core/index.ts';
import type { ProblemBody } from './protocol/messages.ts';
import { PROBLEMS, type ProblemCode } from './protocol/problems.ts';

export type ProblemMembers = Readonly<Record<string, unknown>>;

/** Path of the page that explains a code, on the sidecar: a reference relative to the address that answered (RFC 9457, 3.1.1). */
export function problemType(code: ProblemCode): string {
  return `/docs/problems/${code}`;
}

export function problemBody(code: ProblemCode, detail: string, members: ProblemMembers = {}): ProblemBody {
  const { status, title } = PROBLEMS[code];
  return { type: problemType(code), title, status, code, detail, ...members };
}

/** What a client is told of a `StoreError` that passes by waiting. */
export function storeProblem(error: unknown): { readonly code: ProblemCode; readonly detail: string } {
  if (isOverload(error)) return { code: 'overloaded', detail: 'The server has too much to do: try again.' };
  return { code: 'store_unavailable', detail: 'The store did not answer: try again.' };
}

/** A session that counts towards the limit, as a refused player sees it. */
export function conflictOf({ sessionId, streamId, deviceId, deviceType, meta, startedAt, detached }: Session) {
  return { sessionId, streamId, deviceId, deviceType, meta, startedAt, detached };
}

/** Members of a `concurrency_limit`: the sessions that use up the limit, and the earliest end of one of them. */
export function refusalMembers(result: Extract<OpenResult, { outcome: 'refused' }>) {
  const { current, max, conflicts, nextFreeAt } = result;
  return { max, current, conflicts: conflicts.map(conflictOf), nextFreeAt };
}

export function refusalDetail({ current, max }: { readonly current: number; readonly max: number }): string {
  return `The user has ${current} of ${max} allowed sessions: end one to start another.`;
}
