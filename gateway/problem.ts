/** Problem bodies (RFC 9457), the same over HTTP and WebSocket. */
import type { OpenResult, Session } from '../presence-core/index.ts';
import type { ProblemBody } from './protocol/messages.ts';
import { PROBLEMS, type ProblemCode } from './protocol/problems.ts';

export type ProblemMembers = Readonly<Record<string, unknown>>;

export function problemBody(code: ProblemCode, detail: string, members: ProblemMembers = {}): ProblemBody {
  const { status, title } = PROBLEMS[code];
  return { type: `urn:presence:problem:${code}`, title, status, code, detail, ...members };
}

/** A holder of a slot, as far as others may know it. */
export function conflictOf({ sessionId, streamId, deviceType, startedAt }: Session) {
  return { sessionId, streamId, deviceType, startedAt };
}

/** Who holds the slots, and when the first could free: the members of a `concurrency_limit`. */
export function refusalMembers(result: Extract<OpenResult, { outcome: 'refused' }>) {
  const { current, max, conflicts, nextFreeAt } = result;
  return { max, current, conflicts: conflicts.map(conflictOf), nextFreeAt };
}

export function refusalDetail({ current, max }: { readonly current: number; readonly max: number }): string {
  return `${current} of ${max} sessions are live.`;
}
