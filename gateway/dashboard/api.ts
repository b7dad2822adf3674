/** Calls of the HTTP API, with the credentials that were signed in with: they are in this variable and nowhere else. */

export interface Credentials {
  readonly secret: string;
  readonly isToken: boolean;
}

let credentials: Credentials | undefined;

/** A token has three parts; anything else is an API key. */
export function signInWith(secret: string): void {
  credentials = { secret, isToken: /^[\w-]+\.[\w-]+\.[\w-]*$/.test(secret) };
}

export function signOut(): void {
  credentials = undefined;
}

/** What an observer says in its hello: a token, or an API key in its place. */
export function socketToken(): string | undefined {
  return credentials?.secret;
}

/** How a request failed, in words. */
export class ApiError extends Error {
  /** 0: there was no answer. */
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

const TIMEOUT_MS = 5_000;

/** @throws ApiError */
export async function call<T>(method: string, path: string, body?: object): Promise<T> {
  const headers: Record<string, string> = {};
  if (credentials?.isToken) headers.authorization = `Bearer ${credentials.secret}`;
  else if (credentials) headers['x-api-key'] = credentials.secret;
  if (body) headers['content-type'] = 'application/json';
  const init: RequestInit = { method, headers, cache: 'no-store', credentials: 'omit' };
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const unreachable = (): never => {
    throw new ApiError(0, 'unreachable', 'The server does not answer.');
  };
  const reply = await fetch(path, { ...init, signal, ...(body && { body: JSON.stringify(body) }) }).catch(unreachable);
  if (reply.status === 204) return undefined as T;
  // A reply that breaks off is none. An error may be of something in between, which answers no JSON.
  const answer: { code?: string; detail?: string } = await reply.json().catch(reply.ok ? unreachable : () => ({}));
  if (!reply.ok) {
    throw new ApiError(reply.status, answer.code ?? 'unknown', answer.detail ?? `The server answered ${reply.status}.`);
  }
  return answer as T;
}

export const get = <T>(path: string): Promise<T> => call<T>('GET', path);

/** The path of a resource with these ids; an id `.` or `..`, which a path cannot have, sends all of them in the query. */
export function pathOf(
  resource: string,
  ids: Readonly<Record<string, string>>,
  query: Readonly<Record<string, string>> = {},
): string {
  const inQuery = Object.values(ids).some((id) => id === '.' || id === '..');
  const path = inQuery
    ? ''
    : Object.values(ids)
        .map((id) => `/${encodeURIComponent(id)}`)
        .join('');
  const text = new URLSearchParams({ ...(inQuery && ids), ...query }).toString();
  return resource + path + (text && `?${text}`);
}
