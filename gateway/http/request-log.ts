/**
 * One line per request: hostname, method, URL without secrets, status, level, correlationId, durationMs; level info for
 * 2xx, warn for 4xx, error with the stack for 5xx. Probes come every few seconds: of these only a change is a line.
 */
import type { Logger } from 'pino';
import type { ProblemCode } from '../protocol/problems.ts';
import type { Problem } from './problem.ts';
import { redactBody, redactUrl } from './redact.ts';

export interface LoggedRequest {
  readonly requestId: string;
  readonly method: string;
  readonly url: string;
  /** Path of the route if it is a probe. */
  readonly probe: string | undefined;
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
  /** What each probe was answered last, if that was a problem. */
  const problemOf = new Map<string, ProblemCode | undefined>();
  const isChange = (probe: string, code: ProblemCode | undefined): boolean => {
    const isNew = problemOf.get(probe) !== code;
    problemOf.set(probe, code);
    return isNew;
  };

  return ({ requestId, method, url, probe, status, durationMs, problem, body }) => {
    const isWanted = probe === undefined ? status >= 400 : isChange(probe, problem?.code);
    if (!isWanted && which === 'errors') return;
    const line = {
      correlationId: requestId,
      method,
      url: redactUrl(url),
      status,
      durationMs: Math.round(durationMs * 100) / 100,
      ...(which === 'all' && { reqBody: redactBody(body) }),
    };
    const message = problem ? `${problem.code}: ${problem.message}` : 'request served';
    // A node that is not ready says so as it should.
    const isFault = status >= 500 && !(probe !== undefined && status === 503);
    if (isFault) log.error({ ...line, stack: problem && stackOf(problem) }, message);
    else if (status >= 400) log.warn(line, message);
    else log.info(line, message);
  };
}
