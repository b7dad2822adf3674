/** Of which user a request is: found where its route's schema names one. */
import { type Identity, may } from '../auth/identity.ts';
import { Problem } from './problem.ts';
import { isRead, type Route } from './route.ts';
import type { RequestParts } from './validation.ts';

type Fields = Record<string, unknown>;

/** Where a request may name its user. */
const PLACES = [
  ['params', 'userId'],
  ['body', 'userId'],
  ['query', 'userId'],
  ['query', 'user'],
  ['headers', 'x-user-id'],
] as const;

export interface OwnUser {
  /** Adds the caller's own user where none is named. */
  fill(parts: RequestParts, identity: Identity): RequestParts;
  /** @throws Problem `forbidden` for a player that names another user. */
  check(parts: RequestParts, identity: Identity): void;
}

const UNNAMED: OwnUser = { fill: (parts) => parts, check: () => undefined };

/**
 * Where a route of scope `player` names the user it acts on; no other route has such a place.
 * @throws Error when it names none: it would act on everyone's.
 */
export function ownUserPlace(route: Route): (typeof PLACES)[number] | undefined {
  if (route.scope !== 'player') return undefined;
  const place = PLACES.find(([part, name]) => {
    const { properties = {} } = (route.schema[part] ?? {}) as { properties?: Fields };
    return Object.hasOwn(properties, name);
  });
  if (!place) throw new Error(`${route.method} ${route.path} has scope player and names no user`);
  return place;
}

/** Whether this is a read that may be about everybody: a user may be named, and need not. */
export function mayOmitUser(route: Route): boolean {
  const [part, name] = ownUserPlace(route) ?? [];
  const { required = [] } = ((part && route.schema[part]) ?? {}) as { required?: string[] };
  return isRead(route) && name !== undefined && !required.includes(name);
}

/** @throws Error as `ownUserPlace` does. */
export function compileOwnUser(route: Route): OwnUser {
  const place = ownUserPlace(route);
  if (!place) return UNNAMED;
  const [part, name] = place;
  const isOptional = mayOmitUser(route);
  return {
    fill(parts, identity) {
      const { userId } = identity;
      // A reader that names none asks about everybody.
      if (isOptional && may(identity, 'read')) return parts;
      const fields = parts[part];
      const isFilled = typeof fields !== 'object' || fields === null || Array.isArray(fields) || name in fields;
      return userId === undefined || isFilled ? parts : { ...parts, [part]: { ...fields, [name]: userId } };
    },
    check(parts, identity) {
      if (may(identity, 'admin') || (isRead(route) && may(identity, 'read'))) return;
      const named = (parts[part] as Fields)[name];
      // A machine acts for any user, but one: for everybody it must be a reader.
      if (identity.userId === undefined ? isOptional && named === undefined : named !== identity.userId) {
        throw new Problem('forbidden', 'A player may act on its own user only.');
      }
    },
  };
}
