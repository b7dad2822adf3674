/** Fetches a key set at most once per cool-down, whatever tokens ask for, and keeps the last good one when it fails. */

type Fetch = (url: string, init: RequestInit) => Promise<Response>;

const JSON_HEADERS = { 'content-type': 'application/json' };

/**
 * jose's own cool-down begins with a success only: a failing server would be asked for every token. And when its set
 * has aged it wants a new one, so that without this an hour of that server would end all logins.
 */
export function fetchSparingly(cooldownMs: number, fetchOnce: Fetch = fetch): Fetch {
  let askedAt = Number.NEGATIVE_INFINITY;
  let last: string | undefined;
  return async (url, init) => {
    if (performance.now() - askedAt >= cooldownMs) {
      askedAt = performance.now();
      try {
        const response = await fetchOnce(url, init);
        const text = await response.text();
        if (response.status === 200 && Array.isArray(JSON.parse(text)?.keys)) last = text;
      } catch {
        // Told below, unless an earlier set still serves.
      }
    }
    if (last === undefined) throw new Error('the key set cannot be fetched');
    return new Response(last, { headers: JSON_HEADERS });
  };
}
