/** A player may act on its own user only: finds the user that a request names, and checks it. */
import { type Identity, may } from '../auth/identity.ts';
import { Problem } from './problem.ts';
import { isRead, type Route } from './route.ts';
import type { RequestParts } from './validation.ts';

type Fields = Record<string, unknown>;

/** Fields in which a request may name its user. */
const USER_FIELDS = [
  ['params', 'userId'],
  ['body', 'userId'],
  ['query', 'userId'],
  ['query', 'user'],
  ['headers', 'x-user-id'],
] as const;

export interface UserAccess {
  /** Adds the caller's own user where the request names none. */
  fill(parts: RequestParts, identity: Identity): RequestParts;
  /** @throws Problem `forbidden` when a player names another user. */
  check(parts: RequestParts, identity: Identity): void;
}

const UNCHECKED: UserAccess = { fill: (parts) => parts, check: () => undefined };

/**
 * The field in which a route of scope `player` names the user it acts on; undefined for routes of other scopes.
 * @throws Error when a route of scope `player` has no such field: it would let a player act on every user.
 */
export function userFieldOf(route: Route): (typeof USER_FIELDS)[number] | undefined {
  if (route.scope !== 'player') return undefined;
  const field = USER_FIELDS.find(([part, name]) => {
    const { properties = {} } = (route.schema[part] ?? {}) as { properties?: Fields };
    return Object.hasOwn(properties, name);
  });
  if (!field) throw new Error(`${route.method} ${route.path} has scope player but no user field`);
  return field;
}

/** Whether the route reads data of all users when the request names none. */
export function isUserOptional(route: Route): boolean {
  const [part, name] = userFieldOf(route) ?? [];
  const { required = [] } = ((part && route.schema[part]) ?? {}) as { required?: string[] };
  return isRead(route) && name !== undefined && !required.includes(name);
}

/** @throws Error as `userFieldOf` does. */
export function compileUserAccess(route: Route): UserAccess {
  const field = userFieldOf(route);
  if (!field) return UNCHECKED;
  const [part, name] = field;
  const isOptional = isUserOptional(route);
  return {
    fill(parts, identity) {
      const { userId } = identity;
      // A caller with scope `read` that names no user asks for all users.
      if (isOptional && may(identity, 'read')) return parts;
      const fields = parts[part];
      const isFilled = typeof fields !== 'object' || fields === null || Array.isArray(fields) || name in fields;
      if (userId === undefined || isFilled) return parts;
      // As the caller would have written it.
      const written = part === 'query' || part === 'headers' ? encodeURIComponent(userId) : userId;
      return { ...parts, [part]: { ...fields, [name]: written } };
    },
    check(parts, identity) {
      if (may(identity, 'admin') || (isRead(route) && may(identity, 'read'))) return;
      const named = (parts[part] as Fields)[name];
      if (identity.userId === undefined) {
        // An API key may act for any user, but must name one.
        if (!isOptional || named !== undefined) return;
        throw new Problem('forbidden', `Name a user in ${name}, or use a key with scope presence:read.`);
      }
      if (named !== identity.userId) throw new Problem('forbidden', 'A player may only act on its own user.');
    },
  };
}
