/** HTTP as a test speaks it: JSON out, JSON in, and no answer that /openapi.json does not know. */
import { type Api, documentOf } from './api-conformance.ts';

export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  // Tests look into answers of every shape.
  // biome-ignore lint/suspicious/noExplicitAny: see above
  readonly body: any;
}

export interface HttpClient {
  /** Sends JSON when a body is given. An empty answer's body is undefined, that of another type a text. */
  request(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Reply>;
  get(path: string): Promise<Reply>;
  post(path: string, body?: unknown): Promise<Reply>;
}

export function httpClient(url: string): HttpClient {
  let api: Promise<Api> | undefined;
  const request: HttpClient['request'] = async (method, path, body, headers = {}) => {
    api ??= documentOf(url);
    const { conforms } = await api;
    const response = await fetch(url + path, {
      method,
      headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    conforms(method, path, response, text);
    const isJson = response.headers.get('content-type')?.includes('json');
    return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text || undefined };
  };
  return {
    request,
    get: (path) => request('GET', path),
    post: (path, body) => request('POST', path, body),
  };
}
