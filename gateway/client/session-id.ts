/**
 * A session id, made here and not by the server: a hello whose welcome was lost is then repeated for the same session
 * and not for a second one. `randomUUID` would need a secure context, and React Native has no `crypto` at all.
 */
import { root } from './root.ts';

const LENGTH = 22;
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const BYTE = 256;

export function sessionIdOf(): string {
  const bytes = Array.from({ length: LENGTH }, () => Math.random() * BYTE);
  const { crypto } = root as Partial<typeof globalThis>;
  const random = crypto?.getRandomValues(new Uint8Array(LENGTH)) ?? bytes;
  return Array.from(random, (byte) => ALPHABET.charAt(byte % ALPHABET.length)).join('');
}
