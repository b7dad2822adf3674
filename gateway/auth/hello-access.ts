/** Checks the credentials of a hello: its token or, only to resume a session, its resume token. */
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
  /** `resumeOnly`: the session of the resume token may continue; no other session may be opened. */
  { readonly identity: Identity; readonly resumeOnly: boolean } | { readonly denial: Denial };

const TOKEN_REQUIRED = 'A token is required.';

const denied = (code: ProblemCode, detail: string, close: CloseName): Access => ({ denial: { code, detail, close } });
const unauthenticated = (detail: string): Access => denied('unauthenticated', detail, 'unauthenticated');
const forbidden = (detail: string): Access => denied('forbidden', detail, 'forbidden');

/** The problem and the close code for credentials that are not valid, or cannot be checked. */
export function denialOf({ outcome, detail }: Exclude<Authentication, { outcome: 'known' }>): Denial {
  return outcome === 'unavailable'
    ? { code: 'store_unavailable', detail, close: 'overloaded' }
    : { code: 'unauthenticated', detail, close: 'unauthenticated' };
}

/** @param claim content of the resume token of the hello, if this deployment issued it. */
export async function accessOf(
  authenticator: Authenticator,
  hello: Hello,
  claim: ResumeClaim | undefined,
  now: number,
): Promise<Access> {
  if (!authenticator.required) return { identity: ANYONE, resumeOnly: false };
  const { token, userId, observe, streamId } = hello;
  const observes = observe === true && streamId === undefined;
  if (token === undefined) return observes ? unauthenticated(TOKEN_REQUIRED) : byClaim(claim, userId, now);
  const authentication = await authenticate(authenticator, token, observes);
  if (authentication.outcome !== 'known') return { denial: denialOf(authentication) };
  const { identity } = authentication;
  for (const named of [userId, claim?.userId]) {
    if (named !== undefined && named !== identity.userId) return forbidden('The token is of another user.');
  }
  if (observes && !may(identity, 'read') && !may(identity, 'friends')) {
    return forbidden('The token needs scope presence:read or presence:friends.');
  }
  if (!observes && !may(identity, 'player')) return forbidden('The token needs scope presence:player.');
  return { identity, resumeOnly: false };
}

/** A page cannot send headers with a WebSocket: an observer may send its API key as the token (W18). */
async function authenticate(authenticator: Authenticator, token: string, observes: boolean): Promise<Authentication> {
  const byToken = await authenticator.authenticate({ token });
  if (byToken.outcome !== 'unknown' || !observes) return byToken;
  const byKey = await authenticator.authenticate({ apiKey: token });
  return byKey.outcome === 'known' ? byKey : byToken;
}

function byClaim(claim: ResumeClaim | undefined, userId: string | undefined, now: number): Access {
  // A resume token from when authentication was off has no identity.
  if (claim?.identity === undefined) return unauthenticated(TOKEN_REQUIRED);
  if (userId !== undefined && userId !== claim.userId) return forbidden('The resume token is of another user.');
  const { identity } = claim;
  if ((identity.expiresAt ?? 0) <= now) {
    return denied('unauthenticated', 'The token of this session has expired: connect with a new one.', 'token_expired');
  }
  return { identity, resumeOnly: true };
}
