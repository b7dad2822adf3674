import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from '@jest/globals';
import { RawHttp } from '../support/raw-http.ts';

/** Time for the server to read one segment before the next comes; were it too short, the test would pass anyway. */
const SEGMENT_GAP_MS = 100;

let child: ChildProcess;

afterEach(async () => {
  child.kill('SIGKILL');
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
});

test('the command has uWebSockets.js take headers of 16 KB, in however many segments', async () => {
  const { UWS_HTTP_MAX_HEADERS_SIZE: _, ...env } = process.env;
  child = spawn(process.execPath, ['dist/gateway/main.js'], {
    env: { ...env, TRANSPORT: 'uws', WS_PORT: '0', HTTP_PORT: '0' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let httpPort = 0;
  for await (const line of createInterface({ input: child.stdout as NodeJS.ReadableStream })) {
    const ready = JSON.parse(line) as { msg: string; httpPort: number };
    if (ready.msg !== 'ready') continue;
    httpPort = ready.httpPort;
    break;
  }
  const client = await RawHttp.open(httpPort);
  client.write(`GET /healthz HTTP/1.1\r\nhost: localhost\r\ncookie: ${'c'.repeat(8_000)}\r\n`);
  await sleep(SEGMENT_GAP_MS);
  client.write(`x-large: ${'x'.repeat(8_000)}\r\n\r\n`);
  expect((await client.answer()).status).toBe(200);
  client.destroy();
});
