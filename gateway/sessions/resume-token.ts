/**
 * Resume tokens: name one incarnation of a session, signed with the deployment's secret, so that any node accepts them.
 * They hold as long as the session they name is live, that is to the end of its resume grace. With authentication on
 * they carry what the player's own token allowed, so that a resume by them alone outlives it in nothing.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { escapeId, unescapeId } from '../../presence-core/index.ts';
import type { Identity } from '../auth/identity.ts';

export interface ResumeClaim {
  readonly userId: string;
  readonly sessionId: string;
  readonly startedAt: number;
  /** Or then, instead: it was issued while the store was away, and the session may be one of before. */
  readonly orStartedAt?: readonly number[] | undefined;
  /** Absent while authentication is off. */
  readonly identity?: Identity;
}

/** Between the parts. Ids are escaped. */
const SEPARATOR = '~';
/** Between instants. */
const OR = '.';
const SIGNATURE_BYTES = 16;
const RADIX = 36;

function sign(secret: string, payload: string): Buffer {
  return createHmac('sha256', secret).update(payload).digest().subarray(0, SIGNATURE_BYTES);
}

function partsOf({ scopes, expiresAt = 0, limit = 0, onLimit }: Identity): string[] {
  return [scopes.toString(), expiresAt.toString(RADIX), limit.toString(), onLimit ?? ''];
}

function identityOf(userId: string, [scopes, expiresAt, limit, onLimit]: string[]): Identity {
  return {
    userId,
    scopes: Number(scopes),
    expiresAt: Number.parseInt(expiresAt as string, RADIX),
    ...(limit !== '0' && { limit: Number(limit) }),
    ...(onLimit && { onLimit: onLimit as 'reject' | 'evict-oldest' }),
  };
}

export function issueResumeToken(secret: string, claim: ResumeClaim): string {
  const { userId, sessionId, startedAt, orStartedAt = [], identity } = claim;
  const starts = [startedAt, ...orStartedAt].map((at) => at.toString(RADIX)).join(OR);
  const parts = [
    escapeId(userId, SEPARATOR),
    escapeId(sessionId, SEPARATOR),
    starts,
    ...(identity ? partsOf(identity) : []),
  ];
  const payload = parts.join(SEPARATOR);
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
  const [user, session, starts, ...grant] = payload.split(SEPARATOR) as [string, string, string, ...string[]];
  const [startedAt, ...orStartedAt] = starts.split(OR).map((at) => Number.parseInt(at, RADIX)) as [number, ...number[]];
  const userId = unescapeId(user, SEPARATOR);
  return {
    userId,
    sessionId: unescapeId(session, SEPARATOR),
    startedAt,
    ...(orStartedAt.length > 0 && { orStartedAt }),
    ...(grant.length > 0 && { identity: identityOf(userId, grant) }),
  };
}
