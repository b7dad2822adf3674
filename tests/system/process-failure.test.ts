/** What ends a process of the server by its own fault is one line of its log. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import { until } from '../support/servers.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

test.each([
  ['a rejection that nobody handles', 'Promise.reject(new Error("boom"))', 'boom'],
  ['one without an error', 'Promise.reject("a word")', 'a word'],
  ['an exception in a timer', 'setTimeout(() => { throw new Error("boom") })', 'boom'],
])('%s ends the process as one line of JSON', async (_, fault, message) => {
  // npm start would pass the signal on; what it builds is needed.
  const build = spawn(process.execPath, ['tests/tools/build.mjs', '--if-stale'], { cwd: ROOT, stdio: 'ignore' });
  await once(build, 'exit');
  const hook = `data:text/javascript,process.on("SIGUSR2", () => { ${fault} })`;
  const server = spawn(process.execPath, ['--import', hook, 'dist/gateway/main.js', '--ws-port=0', '--http-port=0'], {
    cwd: ROOT,
    env: { ...process.env, DATABASE_URL: 'none' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const lines: string[] = [];
  const errors: string[] = [];
  createInterface({ input: server.stdout }).on('line', (line) => lines.push(line));
  createInterface({ input: server.stderr }).on('line', (line) => errors.push(line));
  const exited = once(server, 'exit');
  try {
    await until(() => lines.some((line) => line.includes('"ready"')) || server.exitCode !== null);
    server.kill('SIGUSR2');
    expect(await exited).toEqual([1, null]);
  } finally {
    server.kill('SIGKILL');
  }
  expect(errors).toEqual([]);
  expect(JSON.parse(lines.at(-1) as string)).toMatchObject({ level: 'fatal', message });
});
