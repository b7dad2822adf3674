/** Replaces the token of a connection: same user, and at least the same scopes, as its subscriptions rely on them. */
import type { CloseName } from '../protocol/close-codes.ts';
import type { MessageId, Refresh } from '../protocol/messages.ts';
import type { ProblemCode } from '../protocol/problems.ts';
import type { Authenticator } from './authenticator.ts';
import { denialOf } from './hello-access.ts';
import type { Identity } from './identity.ts';

/** The part of a connection that is needed here. */
export interface Refreshing {
  readonly open: boolean;
  readonly identity: Identity;
  identify(identity: Identity): void;
  problem(code: ProblemCode, detail: string, id?: MessageId): void;
  fail(code: ProblemCode, detail: string, close: CloseName, id?: MessageId): void;
}

/** @returns whether the new token is accepted. If it is not valid, the connection keeps the old one until that expires. */
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
    connection.fail(
      'forbidden',
      'The new token must be of the same user and have all scopes of the old one.',
      'forbidden',
      id,
    );
    return false;
  }
  connection.identify(identity);
  return true;
}
