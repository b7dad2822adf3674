/**
 * Resume tokens: name one incarnation of a session, signed with the deployment's secret, so that any node accepts them.
 * They carry no expiry: they hold as long as the session they name is live, that is to the end of its resume grace.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';

export interface ResumeClaim {
  readonly userId: string;
  readonly sessionId: string;
  readonly startedAt: number;
}

/** Ids never hold a `~` (P13). */
const SEPARATOR = '~';
const SIGNATURE_BYTES = 16;

function sign(secret: string, payload: string): Buffer {
  return createHmac('sha256', secret).update(payload).digest().subarray(0, SIGNATURE_BYTES);
}

export function issueResumeToken(secret: string, claim: ResumeClaim): string {
  const payload = [claim.userId, claim.sessionId, claim.startedAt.toString(36)].join(SEPARATOR);
  return `${Buffer.from(payload).toString('base64url')}.${sign(secret, payload).toString('base64url')}`;
}

/** @returns undefined for a token that this deployment did not issue. */
export function readResumeToken(secret: string, token: string): ResumeClaim | undefined {
  const [body, signature, ...rest] = token.split('.');
  if (!body || !signature || rest.length > 0) return undefined;
  const payload = Buffer.from(body, 'base64url').toString();
  const given = Buffer.from(signature, 'base64url');
  const expected = sign(secret, payload);
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) return undefined;
  const [userId, sessionId, startedAt] = payload.split(SEPARATOR) as [string, string, string];
  return { userId, sessionId, startedAt: Number.parseInt(startedAt, 36) };
}
