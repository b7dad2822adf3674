/** A process whose log nobody reads any more works on, and ends when it is told to. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from '@jest/globals';

const COMMAND = fileURLToPath(new URL('../../dist/gateway/main.js', import.meta.url));
/** Each is a line of some 300 bytes: far more than a pipe holds. */
const REQUESTS = 3_000;
const AT_ONCE = 50;

let server: ChildProcess;
afterEach(() => void server.kill('SIGKILL'));

test.each(['stays and does not read', 'is gone'])('the reader of its log %s', async (how) => {
  const env = { ...process.env, DATABASE_URL: 'none', LOG_LEVEL: 'info', LOG_REQUESTS: 'all', DRAIN_MS: '0' };
  const args = [COMMAND, '--ws-port=0', '--http-port=0'];
  server = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(server, 'exit');
  const stdout = server.stdout as NodeJS.ReadableStream & { destroy(): void };
  const lines = createInterface({ input: stdout });
  let port: number | undefined;
  for await (const line of lines) {
    const { message, httpPort } = JSON.parse(line);
    if (message === 'ready') {
      port = httpPort;
      break;
    }
  }
  lines.close();
  if (how === 'is gone') stdout.destroy();
  else stdout.pause();
  for (let sent = 0; sent < REQUESTS; sent += AT_ONCE) {
    const requests = Array.from({ length: AT_ONCE }, () => fetch(`http://127.0.0.1:${port}/status/users?ids=u`));
    const replies = await Promise.all(requests);
    await Promise.all(replies.map((reply) => reply.text()));
  }
  server.kill('SIGTERM');
  expect(await exited).toEqual([0, null]);
});
