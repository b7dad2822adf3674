/** A default start where the file of the history cannot be written: the process goes on, and says so wherever it is asked. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from '@jest/globals';
import { until } from '../support/servers.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const ended: (() => unknown)[] = [];
afterEach(() => {
  for (const end of ended.splice(0).reverse()) end();
});

test('history that is off for good is a metric, a problem of its own and a line', async () => {
  await once(spawn(process.execPath, ['tests/tools/build.mjs', '--if-stale'], { cwd: ROOT, stdio: 'ignore' }), 'exit');
  const cwd = mkdtempSync(join(tmpdir(), 'presence-off-'));
  ended.push(() => rmSync(cwd, { recursive: true }));
  // Where the folder should be.
  writeFileSync(join(cwd, 'data'), '');
  const { DATABASE_URL, ...env } = process.env;
  const main = join(ROOT, 'dist/gateway/main.js');
  const child = spawn(process.execPath, [main, '--ws-port=0', '--http-port=0'], {
    cwd,
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  ended.push(() => child.kill('SIGKILL'));
  const lines: Record<string, unknown>[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => lines.push(JSON.parse(line)));
  const line = (begin: string) => lines.find(({ message }) => String(message).startsWith(begin));
  await until(() => (line('ready') && line('history is off')) !== undefined || child.exitCode !== null);
  expect(line('history is off')).toMatchObject({ level: 'error', message: expect.stringContaining('DATABASE_URL') });
  const url = `http://127.0.0.1:${line('ready')?.httpPort}`;
  const reply = await fetch(`${url}/history/sessions?userId=u`);
  const body = (await reply.json()) as Record<string, unknown>;
  expect([reply.status, body.code, body.detail]).toEqual([
    503,
    'history_unavailable',
    'History is off, as DATABASE_URL cannot be opened: the log of the server says why.',
  ]);
  expect(await (await fetch(`${url}/metrics`)).text()).toContain('\npresence_history_up 0\n');
  expect((await fetch(`${url}/readyz`)).status).toBe(200);
});
