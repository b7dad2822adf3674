/** Fetches a key set at most once per cool-down, and keeps the last valid one when a fetch fails. */
import { isNativeError } from 'node:util/types';

type Fetch = (url: string, init: RequestInit) => Promise<Response>;
/** Tells an operator; never a key, nor the URL, which may hold a secret. */
export type Warn = (fields: object, message: string) => void;

const JSON_HEADERS = { 'content-type': 'application/json' };
/** A hundred RSA keys with their certificates have less. */
const MAX_BYTES = 524_288;
/** How often it is told that fetches go on failing. */
const REMIND_MS = 60_000;

/** @throws Error in words when the answer is larger than a key set. */
async function textOf(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += (chunk as Uint8Array).length;
    // Leaving the loop ends the transfer.
    if (bytes > MAX_BYTES) throw new Error(`its answer has more than ${MAX_BYTES} bytes`);
    chunks.push(chunk as Uint8Array);
  }
  return Buffer.concat(chunks).toString();
}

async function bodyOf(response: Response): Promise<string> {
  if (response.status === 200) return textOf(response);
  await response.body?.cancel();
  throw new Error(`it answers with status ${response.status}`);
}

/** @throws Error in words when it is no key set with keys. */
function checked(text: string): string {
  let keys: unknown;
  try {
    keys = JSON.parse(text)?.keys;
  } catch {
    // As one without keys.
  }
  if (!Array.isArray(keys)) throw new Error('its answer is not a JSON Web Key Set');
  // Taken, it would end all logins.
  if (keys.length === 0) throw new Error('its key set is empty');
  return text;
}

function causeOf(error: unknown): string {
  // Also errors of another realm.
  if (!isNativeError(error)) return error instanceof Error ? 'no answer in time' : 'unknown';
  const { code, message } = (error.cause ?? {}) as { code?: string; message?: string };
  if (error.name === 'TimeoutError' || error.name === 'AbortError') return 'no answer in time';
  // Of `fetch failed` only the cause says why; its text may name the URL.
  if (error.name === 'TypeError')
    return code ?? (message?.includes('redirect') ? 'it redirects' : 'the request failed');
  return error.message;
}

/**
 * Once, for those who want to know whether it is there.
 * @returns the number of its keys.
 * @throws Error in words.
 */
export async function countKeys(url: string, timeoutMs: number): Promise<number> {
  try {
    const init: RequestInit = { redirect: 'manual', signal: AbortSignal.timeout(timeoutMs) };
    return JSON.parse(checked(await bodyOf(await fetch(url, init)))).keys.length;
  } catch (error) {
    throw new Error(`the key set cannot be fetched: ${causeOf(error)}`);
  }
}

/**
 * The cool-down of jose starts only after a success: with a failing server it would fetch for every token. And it drops
 * a set that is too old: without this function, a longer outage of that server would end all logins.
 */
export function fetchSparingly(cooldownMs: number, warn: Warn = () => {}, fetchOnce: Fetch = fetch): Fetch {
  let askedAt = Number.NEGATIVE_INFINITY;
  let toldAt = Number.NEGATIVE_INFINITY;
  let failures = 0;
  let last: string | undefined;
  const failed = (error: unknown): void => {
    failures += 1;
    if (performance.now() - toldAt < REMIND_MS) return;
    toldAt = performance.now();
    const effect = last === undefined ? 'no token can be verified' : 'tokens are verified by the last key set';
    warn({ cause: causeOf(error), failures }, `the key set of JWKS_URL cannot be fetched: ${effect}`);
  };
  return async (url, init) => {
    if (performance.now() - askedAt >= cooldownMs) {
      askedAt = performance.now();
      try {
        last = checked(await bodyOf(await fetchOnce(url, init)));
        if (failures > 0) warn({ failures }, 'the key set of JWKS_URL is fetched again');
        failures = 0;
        toldAt = Number.NEGATIVE_INFINITY;
      } catch (error) {
        failed(error);
      }
    }
    if (last === undefined) throw new Error('could not fetch the key set of JWKS_URL');
    return new Response(last, { headers: JSON_HEADERS });
  };
}
