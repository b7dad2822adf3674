/** Who a hello comes from: its token, or, only to resume, its resume token. */
import type { CloseName } from '../protocol/close-codes.ts';
import type { Hello } from '../protocol/messages.ts';
import type { ProblemCode } from '../protocol/problems.ts';
import type { ResumeClaim } from '../sessions/resume-token.ts';
import type { Authentication, Authenticator } from './authenticator.ts';
import { ANYONE, type Identity, may } from './identity.ts';

export interface Denial {
  readonly code: ProblemCode;
  readonly detail: string;
  readonly close: CloseName;
}

export type Access =
  /** `resumeOnly`: what the claim names may go on, and nothing else may be opened. */
  { readonly identity: Identity; readonly resumeOnly: boolean } | { readonly denial: Denial };

const denied = (code: ProblemCode, detail: string, close: CloseName): Access => ({ denial: { code, detail, close } });
const unauthenticated = (detail: string): Access => denied('unauthenticated', detail, 'unauthenticated');
const forbidden = (detail: string): Access => denied('forbidden', detail, 'forbidden');

/** What a token that does not tell who it is says to the player. */
export function denialOf({ outcome, detail }: Exclude<Authentication, { outcome: 'known' }>): Denial {
  return outcome === 'unavailable'
    ? { code: 'store_unavailable', detail, close: 'overloaded' }
    : { code: 'unauthenticated', detail, close: 'unauthenticated' };
}

/** @param claim what the resume token of the hello says, if it is of this deployment. */
export async function accessOf(
  authenticator: Authenticator,
  hello: Hello,
  claim: ResumeClaim | undefined,
  now: number,
): Promise<Access> {
  if (!authenticator.required) return { identity: ANYONE, resumeOnly: false };
  const { token, userId, observe, streamId } = hello;
  const observes = observe === true && streamId === undefined;
  if (token === undefined) return observes ? unauthenticated('a token is required') : byClaim(claim, userId, now);
  const authentication = await authenticator.authenticate({ token });
  if (authentication.outcome !== 'known') return { denial: denialOf(authentication) };
  const { identity } = authentication;
  for (const named of [userId, claim?.userId]) {
    if (named !== undefined && named !== identity.userId) return forbidden('the token is of another user');
  }
  const scope = observes ? 'read' : 'player';
  if (!may(identity, scope)) return forbidden(`the token lacks the scope presence:${scope}`);
  return { identity, resumeOnly: false };
}

function byClaim(claim: ResumeClaim | undefined, userId: string | undefined, now: number): Access {
  // Of a time when authentication was off, a claim has no identity.
  if (claim?.identity === undefined) return unauthenticated('a token is required');
  if (userId !== undefined && userId !== claim.userId) return forbidden('the resume token is of another user');
  const { identity } = claim;
  if ((identity.expiresAt ?? 0) <= now) {
    return denied('unauthenticated', 'the token behind this session has expired', 'token_expired');
  }
  return { identity, resumeOnly: true };
}
