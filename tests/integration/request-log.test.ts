/** The log of requests: exactly the fields that are promised, and one id through all steps of a request. */
import { afterEach, describe, expect, test } from '@jest/globals';
import { loadConfig } from '../../gateway/config/config.ts';
import { createLog } from '../../gateway/log.ts';
import { startServer } from '../../gateway/server.ts';
import { MemoryStore } from '../../presence-core/index.ts';
import { failingStore } from '../support/failing-store.ts';
import { Player } from '../support/player.ts';
import { startSidecar, type TestSidecar } from '../support/sidecar.ts';

const FIELDS = ['level', 'timestamp', 'hostname', 'correlationId', 'method', 'url', 'status', 'durationMs', 'message'];
const BEAT = { userId: 'u1', sessionId: 'a', streamId: 's1' };

let sidecar: TestSidecar;
const ended: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ended.splice(0)) await end();
});

async function start(...args: Parameters<typeof startSidecar>): Promise<void> {
  sidecar = await startSidecar(...args);
  ended.push(() => sidecar.close());
}

function requestLines(): Record<string, unknown>[] {
  return sidecar.lines.filter((line) => 'url' in line);
}

function stepsOf(reply: { headers: Headers }): unknown[] {
  const id = reply.headers.get('x-request-id');
  return sidecar.lines.filter((line) => line.correlationId === id).map(({ message }) => message);
}

describe('a request is one line', () => {
  test('LOG_REQUESTS=errors: of 4xx and 5xx only, with exactly the promised fields', async () => {
    const failing = failingStore();
    await start(failing.store);
    await sidecar.request('POST', '/heartbeat', BEAT);
    const refused = await sidecar.get('/nowhere?token=hush');
    failing.mode = 'broken';
    const failed = await sidecar.get('/online');
    const [warned, error] = sidecar.lines as [Record<string, unknown>, Record<string, unknown>];
    expect(sidecar.lines).toHaveLength(2);
    expect(Object.keys(warned).sort()).toEqual([...FIELDS].sort());
    expect(warned).toEqual({
      level: 'warn',
      timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      hostname: expect.stringMatching(/./),
      correlationId: refused.headers.get('x-request-id'),
      method: 'GET',
      url: '/nowhere?token=[redacted]',
      status: 404,
      durationMs: expect.any(Number),
      message: 'not_found: No route matches this path.',
    });
    expect(Object.keys(error).sort()).toEqual([...FIELDS, 'stack'].sort());
    expect(error).toMatchObject({
      level: 'error',
      status: 500,
      correlationId: failed.headers.get('x-request-id'),
      stack: expect.stringMatching(/^TypeError: .*\n\s+at /),
    });
  });

  test('LOG_REQUESTS=all: of each, with its body when there is one', async () => {
    await start(new MemoryStore(), { LOG_REQUESTS: 'all' });
    const body = { ...BEAT, token: 'hush', nested: [{ apiKey: 'hush' }] };
    const replies = [
      await sidecar.request('POST', '/heartbeat', body, { authorization: 'Bearer hush', 'x-api-key': 'hush' }),
      await sidecar.get('/status/user/u1'),
      await sidecar.request('POST', '/heartbeat', { userId: 'not an id', token: 'hush' }),
    ];
    expect(requestLines().map(({ level, status, correlationId }) => [level, status, correlationId])).toEqual(
      replies.map(({ status, headers }) => [status < 400 ? 'info' : 'warn', status, headers.get('x-request-id')]),
    );
    const [beat, read, refused] = requestLines();
    expect(Object.keys(beat as object).sort()).toEqual([...FIELDS, 'reqBody'].sort());
    expect(Object.keys(read as object).sort()).toEqual([...FIELDS].sort());
    expect(beat?.reqBody).toEqual({ ...BEAT, token: '[redacted]', nested: [{ apiKey: '[redacted]' }] });
    expect(refused?.reqBody).toEqual({ userId: 'not an id', token: '[redacted]' });
    expect(JSON.stringify(sidecar.lines)).not.toContain('hush');
  });

  test('a body nested deeper than the stack is answered and logged', async () => {
    await start(new MemoryStore(), { LOG_REQUESTS: 'all' });
    const deep = `${'['.repeat(30_000)}${']'.repeat(30_000)}`;
    const reply = await fetch(`${sidecar.url}/heartbeat`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: `{"userId":"u1","pad":${deep}}`,
    });
    expect(reply.status).toBe(200);
    expect(requestLines()).toMatchObject([{ status: 200 }]);
    expect(JSON.stringify(requestLines()[0]?.reqBody)).toMatch(/^\{"userId":"u1","pad":\[+"\[not shown\]"\]+\}$/);
  });

  test('a body whose JSON has an escape before letters of a word is answered and logged', async () => {
    await start(new MemoryStore(), { LOG_REQUESTS: 'all' });
    const reply = await fetch(`${sidecar.url}/heartbeat`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"userId":"u1","note":"\\bearer abc"}',
    });
    expect(reply.status).toBe(200);
    expect(requestLines()).toMatchObject([{ status: 200, reqBody: { userId: 'u1', note: '\bearer abc' } }]);
  });

  test('a request that cannot be logged is answered', async () => {
    await start(new MemoryStore(), { LOG_REQUESTS: 'all' });
    const { info } = sidecar.log;
    sidecar.log.info = () => {
      throw new Error('no line today');
    };
    expect((await sidecar.get('/online')).status).toBe(200);
    sidecar.log.info = info;
    expect(sidecar.lines).toMatchObject([{ level: 'error', message: 'a request could not be logged' }]);
  });
});

describe('probes', () => {
  test('are a line when their answer changes: a warning without stack, then that all is well', async () => {
    const failing = failingStore();
    await start(failing.store, { OUTAGE_POLICY: 'closed' });
    const probe = async (mode: typeof failing.mode): Promise<void> => {
      failing.mode = mode;
      for (let i = 0; i < 3; i++) await sidecar.get('/readyz');
    };
    await probe('work');
    expect(requestLines()).toEqual([]);
    await probe('away');
    await probe('work');
    await probe('away');
    await probe('broken');
    expect(requestLines().map(({ level, status }) => [level, status])).toEqual([
      ['warn', 503],
      ['info', 200],
      ['warn', 503],
      ['error', 500],
    ]);
    expect(requestLines().map((line) => 'stack' in line)).toEqual([false, false, false, true]);
  });

  test('while draining are one warning', async () => {
    await start();
    sidecar.draining = true;
    for (let i = 0; i < 3; i++) expect((await sidecar.get('/readyz')).status).toBe(503);
    expect(requestLines()).toMatchObject([{ level: 'warn', status: 503, message: expect.stringMatching(/^draining/) }]);
    expect(requestLines()[0]).not.toHaveProperty('stack');
  });

  test('with LOG_REQUESTS=all are a line each', async () => {
    await start(new MemoryStore(), { LOG_REQUESTS: 'all' });
    for (let i = 0; i < 3; i++) await sidecar.get('/readyz');
    expect(requestLines().map(({ level }) => level)).toEqual(['info', 'info', 'info']);
  });
});

describe('the steps of a request carry its id', () => {
  test('admitted, refused, cleaned up, at level debug', async () => {
    await start(new MemoryStore({ defaultLimit: 1 }), {
      LOG_LEVEL: 'debug',
      ON_LIMIT: 'evict-oldest',
    });
    const first = await sidecar.request('POST', '/heartbeat', BEAT);
    const second = await sidecar.request('POST', '/heartbeat', { ...BEAT, sessionId: 'b' });
    const evicted = await sidecar.request('POST', '/heartbeat', BEAT);
    expect(stepsOf(first)).toEqual(['admitted']);
    expect(stepsOf(second)).toEqual(['admitted', 'cleaned up']);
    expect(stepsOf(evicted)).toEqual(['refused', expect.stringMatching(/^session_ended: The session was ended/)]);
    expect(sidecar.lines.find(({ message }) => message === 'cleaned up')).toMatchObject({
      level: 'debug',
      userId: 'u1',
      sessionId: 'a',
      reason: 'evicted',
    });
    const guard = await sidecar.request('POST', '/guards', undefined, { 'x-user-id': 'u1' });
    expect(stepsOf(guard)).toEqual(['admitted', 'cleaned up']);
    const kick = await sidecar.request('DELETE', '/sessions/u1');
    expect(stepsOf(kick)).toEqual(['kicked', 'cleaned up']);
    for (const path of ['/sessions/u1', '/sessions/u1/a']) {
      expect(stepsOf(await sidecar.request('DELETE', path))).toEqual(['no session to kick']);
    }
  });

  test('a failure to notify sockets is logged with the id of the request', async () => {
    const failing = failingStore();
    const notify = () => Promise.reject(new Error('no inbox'));
    const store = new Proxy(failing.store, {
      get: (target, name) => (name === 'inbox' ? { ...target.inbox, notify } : Reflect.get(target, name)),
    });
    await start(store);
    await sidecar.request('POST', '/heartbeat', BEAT);
    const kick = await sidecar.request('DELETE', '/sessions/u1/a');
    expect(stepsOf(kick)).toEqual(['kicked', expect.stringContaining('could not notify sockets')]);
  });

  test('[P10] let in while the store is away', async () => {
    const failing = failingStore();
    await start(failing.store, { LOG_LEVEL: 'debug' });
    failing.mode = 'away';
    const beat = await sidecar.request('POST', '/heartbeat', BEAT);
    expect(stepsOf(beat)).toEqual(['admitted']);
    expect(sidecar.lines[0]).toMatchObject({ degraded: true });
  });

  test('at level info a beat that is let in says nothing', async () => {
    await start();
    for (let i = 0; i < 3; i++) await sidecar.request('POST', '/heartbeat', BEAT);
    expect(sidecar.lines).toEqual([]);
  });
});

describe('the log of a server', () => {
  async function linesOf(level: string): Promise<Record<string, unknown>[]> {
    const lines: Record<string, unknown>[] = [];
    const config = loadConfig({ WS_PORT: '0', HTTP_PORT: '0' }, []);
    const log = createLog(level, { write: (line) => void lines.push(JSON.parse(line)) });
    const server = await startServer(config, log);
    try {
      await server.ready;
      const [player] = await Player.hello(server.wsPort as number, { userId: 'u1', token: 'hush', streamId: 's1' });
      await player.ask({ type: 'update', streamId: 's2' });
      await player.leave();
    } finally {
      await server.stop(0);
    }
    return lines;
  }

  test('tells that it is ready, under both names that a text has, and which transports run', async () => {
    const ready = (await linesOf('info')).filter(({ msg }) => msg === 'ready');
    expect(ready).toHaveLength(1);
    expect(ready[0]).toMatchObject({
      level: 'info',
      message: 'ready',
      wsPort: expect.any(Number),
      httpPort: expect.any(Number),
      transport: expect.stringMatching(/^(uws|ws)$/),
      socketTransport: expect.stringMatching(/^(uws|ws)$/),
      httpTransport: 'node',
      store: 'memory',
      nodeId: expect.any(String),
    });
  });

  test('has messages of sockets at level debug only, and nothing of what they say', async () => {
    const lines = await linesOf('debug');
    const messages = lines.filter(({ message }) => message === 'message');
    expect(messages.map(({ level, type, userId }) => [level, type, userId])).toEqual([
      ['debug', 'hello', undefined],
      ['debug', 'update', 'u1'],
      ['debug', 'leave', 'u1'],
    ]);
    expect(new Set(messages.map(({ connection }) => connection)).size).toBe(1);
    expect(JSON.stringify(lines)).not.toContain('hush');
    expect((await linesOf('info')).filter(({ message }) => message === 'message')).toEqual([]);
  });
});
