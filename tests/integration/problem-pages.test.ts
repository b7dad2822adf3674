/** Each problem code has a page, whose address is the `type` of the problem, and whose example is what the server answers. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { afterEach, describe, expect, test } from '@jest/globals';
import { HistoryError, type HistoryReads } from '../../gateway/history/index.ts';
import { ORIGIN } from '../../gateway/http/docs/place.ts';
import { PROBLEM_GUIDES } from '../../gateway/http/docs/problem-guide.ts';
import { exampleAnswer } from '../../gateway/http/docs/problem-page.ts';
import { problemType } from '../../gateway/problem.ts';
import { PROBLEMS, type ProblemCode } from '../../gateway/protocol/problems.ts';
import { MemoryStore } from '../../presence-core/index.ts';
import { documentOf } from '../support/api-conformance.ts';
import { failingStore } from '../support/failing-store.ts';
import { startSidecar, type TestSidecar } from '../support/sidecar.ts';
import { hsToken, SECRET } from '../support/tokens.ts';

const CODES = Object.keys(PROBLEMS) as ProblemCode[];

let sidecar: TestSidecar;
afterEach(() => sidecar.close());

const SESSION = {
  userId: 'ann',
  sessionId: 'tv',
  streamId: 'espn',
  deviceType: 'appletv',
  meta: { name: 'Living room' },
};
const away = () => Promise.reject(new HistoryError('history_unavailable', 'away'));

async function failing(mode: 'away' | 'full' | 'broken'): Promise<TestSidecar> {
  const store = failingStore();
  const started = await startSidecar(store.store);
  store.mode = mode;
  return started;
}

/** A server that answers a code: what the page says must be so besides. */
const SERVERS: { readonly [C in ProblemCode]?: () => Promise<TestSidecar> } = {
  unauthenticated: () => startSidecar(new MemoryStore(), { AUTH: 'jwt', JWT_SECRET: SECRET }),
  forbidden: () => startSidecar(new MemoryStore(), { AUTH: 'jwt', JWT_SECRET: SECRET }),
  async concurrency_limit() {
    const started = await startSidecar(new MemoryStore({ defaultLimit: 1 }), { MAX_STREAMS: '1' });
    await started.request('POST', '/heartbeat', SESSION);
    return started;
  },
  async session_ended() {
    const started = await startSidecar();
    await started.request('POST', '/heartbeat', SESSION);
    await started.request('DELETE', '/sessions/ann/tv');
    return started;
  },
  async rate_limited() {
    const started = await startSidecar(new MemoryStore(), { RATE_REQUESTS_PER_SECOND: '1' });
    await started.get('/online');
    return started;
  },
  internal: () => failing('broken'),
  overloaded: () => failing('full'),
  store_unavailable: () => failing('away'),
  history_unavailable: () => {
    const history = { sessions: away, concurrency: away, hours: away } as HistoryReads;
    return startSidecar(new MemoryStore(), {}, history);
  },
  async draining() {
    const started = await startSidecar();
    started.draining = true;
    return started;
  },
};

/** As a shell runs the command of the page. */
async function run(command: string): Promise<{ status: number; headers: Headers; body: Record<string, unknown> }> {
  const TOKEN = await hsToken({ scope: 'presence:player' });
  const env = { ...process.env, TOKEN };
  const shown = command.replaceAll(ORIGIN, sidecar.url).replaceAll('curl ', 'curl -sS -i ');
  const { stdout } = await promisify(execFile)('sh', ['-c', shown], { env });
  const [head = '', body = ''] = stdout.split('\r\n\r\n').slice(-2);
  const [line = '', ...rest] = head.split('\r\n');
  const headers = new Headers(rest.map((each) => each.split(/: (.*)/s).slice(0, 2) as [string, string]));
  return { status: Number(line.split(' ')[1]), headers, body: JSON.parse(body) };
}

describe.each(CODES)('%s', (code) => {
  test('its page is where its type leads, and says cause, cure and an example', async () => {
    sidecar = await startSidecar();
    const { status, headers, body: page } = await sidecar.request('GET', problemType(code));
    expect([status, headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
    for (const part of ['cause', 'cure', 'example']) expect(page).toContain(`<section id="${part}">`);
    expect(page).toContain(`<code>${code}</code>`);
    expect(page).not.toContain(ORIGIN);
    const { document } = await documentOf(sidecar.url);
    const ids = Object.values(document.paths).flatMap((methods) =>
      Object.values(methods).map((each) => each.operationId),
    );
    for (const [, id] of (page as string).matchAll(/docs#([A-Za-z]+)"/g)) expect(['problems', ...ids]).toContain(id);
  });

  test('its command is answered as the page says', async () => {
    sidecar = await (SERVERS[code] ?? startSidecar)();
    const guide = PROBLEM_GUIDES[code];
    const answer = await run(guide.example.command);
    const { status, headers, body } = exampleAnswer(code, guide);
    const { requestId: _, nextFreeAt, conflicts, retryAfterMs, ...exact } = body as Record<string, unknown>;
    expect(answer).toMatchObject({ status, body: exact });
    expect(Object.keys(answer.body).sort()).toEqual(Object.keys(body).sort());
    expect(answer.body.type).toBe(problemType(code));
    for (const [name, value] of Object.entries(headers))
      expect([name, answer.headers.get(name)]).toEqual([name, value]);
    const { faults } = await documentOf(sidecar.url);
    for (const each of [body, answer.body]) expect(faults(['components', 'schemas', code], each)).toBeUndefined();
    if (conflicts !== undefined) expect(typeof answer.body.nextFreeAt).toBe(typeof nextFreeAt);
  });
});

test('a page of a code that does not exist is not found', async () => {
  sidecar = await startSidecar();
  expect((await sidecar.get('/docs/problems/nonsense')).body).toMatchObject({ code: 'not_found' });
});

test('the contributors’ recipe names the guide', async () => {
  sidecar = await startSidecar();
  expect(readFileSync('CONTRIBUTING.md', 'utf8')).toContain('problem-guide.ts');
});
