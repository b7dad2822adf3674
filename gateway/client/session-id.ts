/**
 * A session id, made here and not by the server: a hello whose welcome was lost is then repeated for the same session
 * and not for a second one. `randomUUID` would need a secure context.
 */
const BYTES = 16;

export function sessionIdOf(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(BYTES));
  const base64 = btoa(String.fromCharCode(...bytes));
  return base64.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}
