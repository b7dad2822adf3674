/**
 * A session id, made here and not by the server: a hello whose welcome was lost is then repeated for the same session
 * and not for a second one. `randomUUID` needs a secure context, and React Native has no `crypto` at all.
 */
import { root } from './root.ts';

const RADIX = 36;

export function sessionIdOf(): string {
  const { crypto } = root as Partial<typeof globalThis>;
  if (crypto && crypto.randomUUID) return crypto.randomUUID();
  return [0, 0, 0].map(() => Math.random().toString(RADIX).slice(2)).join('');
}
