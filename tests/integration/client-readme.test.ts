/** The example of the README is run as it stands, by a program that has the package. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';
import { startTestServer } from '../support/servers.ts';

const DEFAULT_ADDRESS = '127.0.0.1:8080';

test('the first example under “SDK” plays and leaves', async () => {
  const readme = readFileSync('README.md', 'utf8');
  const [, example] = /^## SDK$.*?^```ts\n(.*?)^```$/ms.exec(readme) ?? [];
  expect(example).toContain(DEFAULT_ADDRESS);
  const server = await startTestServer();
  try {
    const code = (example as string).replaceAll(DEFAULT_ADDRESS, `127.0.0.1:${server.wsPort}`);
    const [, userId] = /userId: '([^']+)'/.exec(code) as unknown as [string, string];
    await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', code]);
    expect((await server.get(`/status/user/${userId}`)).body).toMatchObject({
      online: false,
      lastSeenAt: expect.any(Number),
    });
  } finally {
    await server.stop(0);
  }
});
