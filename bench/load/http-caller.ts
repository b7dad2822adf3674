/** HTTP requests over connections that are kept. */
import { Agent as HttpAgent, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { LoadOptions } from './options.ts';

/** Of one process: the sidecar answers one request of a connection after the other. */
export const HTTP_CONNECTIONS = 128;

export interface HttpAnswer {
  readonly status: number;
  /** Parsed, if it is JSON. */
  readonly body: Readonly<Record<string, unknown>>;
}

export class HttpCaller {
  private readonly base: URL;
  private readonly agent: HttpAgent | HttpsAgent;
  private readonly timeoutMs: number;
  private readonly apiKey: string | undefined;

  constructor(
    base: string,
    { timeoutMs, apiKey, isInsecure }: Pick<LoadOptions, 'timeoutMs' | 'apiKey' | 'isInsecure'>,
  ) {
    this.base = new URL(base);
    const options = { keepAlive: true, maxSockets: HTTP_CONNECTIONS };
    this.agent =
      this.base.protocol === 'https:'
        ? new HttpsAgent({ ...options, rejectUnauthorized: !isInsecure })
        : new HttpAgent(options);
    this.timeoutMs = timeoutMs;
    this.apiKey = apiKey;
  }

  /** Rejects with one word when there is no answer. @param token not needed with an API key. */
  call(method: string, path: string, token: string | undefined, headers: object, body?: object): Promise<HttpAnswer> {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const request = this.base.protocol === 'https:' ? httpsRequest : httpRequest;
    const credentials = this.apiKey ? { 'x-api-key': this.apiKey } : token ? { authorization: `Bearer ${token}` } : {};
    const content =
      text === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) };
    return new Promise((resolve, reject) => {
      const sent = request(
        {
          agent: this.agent,
          method,
          hostname: this.base.hostname.replace(/^\[|\]$/g, ''),
          port: this.base.port,
          path: `${this.base.pathname.replace(/\/$/, '')}${path}`,
          headers: { ...credentials, ...content, ...headers },
        },
        (response) => {
          const parts: Buffer[] = [];
          response.on('data', (part: Buffer) => parts.push(part));
          response.on('end', () => {
            clearTimeout(timer);
            resolve({ status: response.statusCode ?? 0, body: parsed(Buffer.concat(parts).toString()) });
          });
          response.on('error', () => reject(new Error('http_cut')));
        },
      );
      // Also the time in which it waits for a connection counts.
      const timer = setTimeout(() => sent.destroy(new Error('http_timeout')), this.timeoutMs);
      sent.on('error', (error: Error & { code?: string }) => {
        clearTimeout(timer);
        reject(new Error(error.code ? `http_${error.code}` : error.message));
      });
      sent.end(text);
    });
  }

  close(): void {
    this.agent.destroy();
  }
}

function parsed(text: string): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(text) as Readonly<Record<string, unknown>>;
  } catch {
    return {};
  }
}

/** The code of a problem, else the status. */
export const codeOf = ({ status, body }: HttpAnswer): string =>
  typeof body.code === 'string' ? body.code : `http_${status}`;
