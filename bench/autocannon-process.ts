/** Runs autocannon over a file of requests, as fast as they are answered. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { LoadReport, ProcessOrder } from './load.ts';
import { NEW_NUMBER, NEXT_REQUEST } from './requests.ts';

interface AutocannonResult {
  readonly errors: number;
  readonly non2xx: number;
  readonly duration: number;
  readonly requests: { readonly total: number };
}

/** It keeps a copy of every request for each connection. */
const MAX_REQUESTS = 500;

// It brings no types.
const autocannon = createRequire(import.meta.url)('autocannon') as (options: object) => Promise<AutocannonResult>;

function parse(text: string): object {
  const [head = '', body = ''] = text.split('\r\n\r\n', 2);
  const [first = '', ...lines] = head.split('\r\n');
  const [method, path] = first.split(' ');
  const headers = Object.fromEntries(lines.map((line) => line.split(': ', 2)));
  return { method, path, headers, ...(body && { body }) };
}

async function run({ port, file, connections, forMs, firstNumber }: ProcessOrder): Promise<LoadReport> {
  const number = String(firstNumber).padStart(NEW_NUMBER.length, '0');
  const texts = readFileSync(file, 'utf8').split(NEXT_REQUEST, MAX_REQUESTS);
  const { errors, non2xx, duration, requests } = await autocannon({
    url: `http://127.0.0.1:${port}`,
    connections,
    duration: forMs / 1_000,
    requests: texts.map((text) => parse(text.replaceAll(NEW_NUMBER, number))),
  });
  if (errors + non2xx > 0) throw new Error(`autocannon: ${errors} errors, ${non2xx} answers that are not 2xx`);
  return { perSecond: requests.total / duration, answered: requests.total };
}

process.once('message', (order: ProcessOrder) => {
  void run(order).then((report) => process.send?.(report));
});
