/** A new token before the old one ends: the same user, and no scope less, as what is open was opened by them. */
import type { CloseName } from '../protocol/close-codes.ts';
import type { Refresh } from '../protocol/messages.ts';
import type { ProblemCode } from '../protocol/problems.ts';
import type { Authenticator } from './authenticator.ts';
import { denialOf } from './hello-access.ts';
import type { Identity } from './identity.ts';

/** What is needed here of a connection. */
export interface Refreshing {
  readonly open: boolean;
  readonly identity: Identity;
  identify(identity: Identity): void;
  problem(code: ProblemCode, detail: string, id?: string): void;
  fail(code: ProblemCode, detail: string, close: CloseName, id?: string): void;
}

/** @returns whether the connection goes on with the new token. A bad one leaves it the old one, until that ends. */
export async function refresh(
  connection: Refreshing,
  { token, id }: Refresh,
  authenticator: Authenticator,
): Promise<boolean> {
  if (!authenticator.required) return true;
  const authentication = await authenticator.authenticate({ token });
  if (!connection.open) return false;
  if (authentication.outcome !== 'known') {
    const { code, detail } = denialOf(authentication);
    connection.problem(code, detail, id);
    return false;
  }
  const { identity } = authentication;
  const former = connection.identity;
  if (identity.userId !== former.userId || (identity.scopes & former.scopes) !== former.scopes) {
    connection.fail('forbidden', 'the token is of another user, or lacks a scope of the former', 'forbidden', id);
    return false;
  }
  connection.identify(identity);
  return true;
}
