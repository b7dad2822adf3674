/** One line per request, as section 5 of the contract has it. */
import type { Logger } from 'pino';
import type { Problem } from './problem.ts';

const SECRET_NAME = /token|secret|password|authorization|api[_-]?key/i;
const SECRET_IN_URL = /([?&][^=&#]*(?:token|secret|password|authorization|api[_-]?key)[^=&#]*=)[^&#]*/gi;
const MAX_LOGGED_URL = 2_048;
/** A larger body is told by its size. */
const MAX_LOGGED_BODY = 4_096;

export interface Served {
  readonly requestId: string;
  readonly method: string;
  readonly url: string;
  readonly status: number;
  readonly durationMs: number;
  readonly problem: Problem | undefined;
  readonly body: unknown;
}

function redactBody(body: unknown): unknown {
  if (body === undefined) return undefined;
  const text = JSON.stringify(body, (name, value) => (SECRET_NAME.test(name) ? '[redacted]' : value));
  return text.length > MAX_LOGGED_BODY ? `[${text.length} characters]` : JSON.parse(text);
}

function stackOf(problem: Problem): string | undefined {
  return problem.cause instanceof Error ? problem.cause.stack : problem.stack;
}

/** `which` is LOG_REQUESTS: `errors` logs 4xx and 5xx, `all` each request with its body. */
export function createRequestLog(log: Logger, which: 'errors' | 'all'): (served: Served) => void {
  return ({ requestId, method, url, status, durationMs, problem, body }) => {
    if (status < 400 && which === 'errors') return;
    const line = {
      correlationId: requestId,
      method,
      url: url.slice(0, MAX_LOGGED_URL).replace(SECRET_IN_URL, '$1[redacted]'),
      status,
      durationMs: Math.round(durationMs * 100) / 100,
      ...(which === 'all' && { reqBody: redactBody(body) }),
      ...(problem && { code: problem.code, detail: problem.message }),
    };
    if (status >= 500) log.error({ ...line, stack: problem && stackOf(problem) }, 'request failed');
    else if (status >= 400) log.warn(line, 'request refused');
    else log.info(line, 'request served');
  };
}
