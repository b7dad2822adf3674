/** Fetches a key set at most once per cool-down, and keeps the last valid one when a fetch fails. */

type Fetch = (url: string, init: RequestInit) => Promise<Response>;

const JSON_HEADERS = { 'content-type': 'application/json' };

/**
 * The cool-down of jose starts only after a success: with a failing server it would fetch for every token. And it drops
 * a set that is too old: without this function, a longer outage of that server would end all logins.
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
        // Reported below, unless an earlier set is still there.
      }
    }
    if (last === undefined) throw new Error('could not fetch the key set of JWKS_URL');
    return new Response(last, { headers: JSON_HEADERS });
  };
}
