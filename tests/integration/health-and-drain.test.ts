/** What a load balancer and an operator see of a node: health checks, the port of operators, and how a node leaves. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from '@jest/globals';
import { WebSocket } from 'ws';
import { Player } from '../support/player.ts';
import { startTestServer, type TestServer, until } from '../support/servers.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

const ended: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ended.splice(0).reverse()) await end();
});

async function start(env: Record<string, string> = {}): Promise<TestServer> {
  const server = await startTestServer(env);
  ended.push(() => server.stop(0));
  return server;
}

const statusAt = (port: number | undefined, path: string, init?: RequestInit): Promise<number> =>
  fetch(`http://127.0.0.1:${port}${path}`, init).then(({ status }) => status);

describe('ADMIN_PORT', () => {
  test('serves what tells or changes something, and then no other port does', async () => {
    const server = await start({ ADMIN_PORT: '0' });
    const { adminPort, httpPort } = server;
    expect(adminPort).toBeGreaterThan(0);
    const setLevel = { method: 'PUT', body: '{"level":"silent"}', headers: { 'content-type': 'application/json' } };
    for (const path of ['/livez', '/readyz', '/healthz', '/metrics']) expect(await statusAt(adminPort, path)).toBe(200);
    expect(await statusAt(adminPort, '/log-level', setLevel)).toBe(204);
    for (const path of ['/online', '/docs', '/status/user/u']) expect(await statusAt(adminPort, path)).toBe(404);
    for (const path of ['/livez', '/readyz', '/healthz', '/online']) expect(await statusAt(httpPort, path)).toBe(200);
    expect(await statusAt(httpPort, '/metrics')).toBe(404);
    expect(await statusAt(httpPort, '/log-level', setLevel)).toBe(404);
    await server.stop(0);
    await expect(statusAt(adminPort, '/livez')).rejects.toThrow();
  });

  test('answers HTTP/1.0 also where uWebSockets.js serves HTTP', async () => {
    const { adminPort } = await start({ ADMIN_PORT: '0', TRANSPORT: 'uws' });
    const socket = connect(adminPort as number, '127.0.0.1');
    socket.write('GET /readyz HTTP/1.0\r\n\r\n');
    const [head] = await new Promise<Buffer[]>((resolve) => socket.once('data', (data) => resolve([data as Buffer])));
    expect(String(head)).toMatch(/^HTTP\/1\.1 200 /);
    socket.destroy();
  });
});

describe('a node that leaves', () => {
  test('[W22] first says that it is not ready and serves on; then asks its players to go', async () => {
    const server = await start();
    const [player] = await Player.hello(server.wsPort, { userId: 'u', streamId: 's' });
    const stopped = server.stop(0, 1_500);
    expect(await server.get('/readyz')).toMatchObject({ status: 503, body: { code: 'draining' } });
    expect(await server.get('/livez')).toMatchObject({ status: 200 });
    const [late, welcome] = await Player.hello(server.wsPort, { userId: 'v', streamId: 's' });
    expect(welcome.type).toBe('welcome');
    expect(await player.ask({ type: 'heartbeat' })).toMatchObject({ current: 1 });
    expect(player.frames.filter(({ type }) => type === 'drain')).toEqual([]);
    expect(await Promise.all([player.closed, late.closed])).toEqual([1001, 1001]);
    await stopped;
  });

  test('[W22] ends as soon as nobody is left', async () => {
    const server = await start();
    const players = await Promise.all(['a', 'b', 'c'].map((userId) => Player.hello(server.wsPort, { userId })));
    // Longer than a test may take.
    const stopped = server.stop(600_000);
    for (const [player] of players) {
      await player.next('drain');
      player.socket.close();
    }
    await stopped;
  });

  test('[W22] ends at once when nobody is there', async () => {
    const server = await start();
    await server.stop(600_000);
  });
});

describe('file descriptors', () => {
  let child: ChildProcess | undefined;
  afterEach(() => void child?.kill('SIGKILL'));

  test.each(['uws', 'ws'])(
    '[W1] %s: when they are short, upgrades get 503, it is told once, and health and metrics are there',
    async (TRANSPORT) => {
      const build = spawn(process.execPath, ['tests/tools/build.mjs', '--if-stale'], { cwd: ROOT, stdio: 'ignore' });
      await once(build, 'exit');
      const lines: Record<string, unknown>[] = [];
      const env = { ...process.env, DATABASE_URL: 'none', TRANSPORT, WS_PORT: '0', HTTP_PORT: '0' };
      child = spawn('sh', ['-c', 'ulimit -n 600; exec node dist/gateway/main.js'], {
        cwd: ROOT,
        env,
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', (line) =>
        lines.push(JSON.parse(line)),
      );
      const line = (message: string): Record<string, unknown> | undefined =>
        lines.find((one) => one.message === message);
      await until(() => line('ready') !== undefined || child?.exitCode !== null);
      const { wsPort, httpPort } = line('ready') as { wsPort: number; httpPort: number };
      const results = { open: 0, full: 0, failed: 0 };
      const sockets: WebSocket[] = [];
      for (let i = 0; i < 440; i++) {
        const socket = new WebSocket(`ws://127.0.0.1:${wsPort}/ws`);
        sockets.push(socket);
        const outcome = await new Promise<keyof typeof results>((resolve) => {
          socket.once('open', () => resolve('open'));
          socket.once('error', ({ message }) => resolve(message.includes('503') ? 'full' : 'failed'));
        });
        results[outcome] += 1;
      }
      expect(results).toEqual({ open: 360, full: 80, failed: 0 });
      expect(await (await fetch(`http://127.0.0.1:${httpPort}/readyz`)).json()).toMatchObject({
        status: 503,
        code: 'overloaded',
      });
      expect(await statusAt(httpPort, '/livez')).toBe(200);
      const metrics = await (await fetch(`http://127.0.0.1:${httpPort}/metrics`)).text();
      expect(metrics).toContain('presence_sockets_max 360');
      expect(metrics).toContain('presence_sockets_refused_total{reason="unavailable"} 80');
      expect(lines.filter(({ message }) => String(message).startsWith('no room for more sockets'))).toHaveLength(1);
      expect(
        line('few files may be open, and each socket is one: raise the limit (ulimit -n, LimitNOFILE)'),
      ).toMatchObject({ openFiles: 600 });
      for (const socket of sockets) socket.terminate();
      await until(async () => (await statusAt(httpPort, '/readyz')) === 200);
    },
  );
});
