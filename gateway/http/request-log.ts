/** One line per request, as section 5 of the contract has it. */
import type { Logger } from 'pino';
import type { Problem } from './problem.ts';
import { redactBody, redactUrl } from './redact.ts';

export interface LoggedRequest {
  readonly requestId: string;
  readonly method: string;
  readonly url: string;
  readonly status: number;
  readonly durationMs: number;
  readonly problem: Problem | undefined;
  readonly body: unknown;
}

function stackOf(problem: Problem): string | undefined {
  return problem.cause instanceof Error ? problem.cause.stack : problem.stack;
}

/** @param which LOG_REQUESTS: `errors` logs 4xx and 5xx, `all` every request with its body. */
export function createRequestLog(log: Logger, which: 'errors' | 'all'): (request: LoggedRequest) => void {
  return ({ requestId, method, url, status, durationMs, problem, body }) => {
    if (status < 400 && which === 'errors') return;
    const line = {
      correlationId: requestId,
      method,
      url: redactUrl(url),
      status,
      durationMs: Math.round(durationMs * 100) / 100,
      ...(which === 'all' && { reqBody: redactBody(body) }),
    };
    const message = problem ? `${problem.code}: ${problem.message}` : 'request served';
    if (status >= 500) log.error({ ...line, stack: problem && stackOf(problem) }, message);
    else if (status >= 400) log.warn(line, message);
    else log.info(line, message);
  };
}
