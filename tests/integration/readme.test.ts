/** What the README shows a stranger is so: its examples run as they stand, its commands are answered, its links lead somewhere. */
import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startTestServer, type TestServer } from '../support/servers.ts';

const README = readFileSync('README.md', 'utf8');
const MAX_LINES = 150;
const [WS, HTTP] = ['127.0.0.1:8080', 'localhost:8081'];

const folder = mkdtempSync(join(tmpdir(), 'presence-readme-'));
let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ DATABASE_URL: `sqlite:${join(folder, 'presence.db')}` });
});
afterAll(async () => {
  await server.stop(0);
  rmSync(folder, { recursive: true });
});

function blockOf(section: string, language: string): string {
  const [, block] = new RegExp(`^## ${section}$.*?^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'ms').exec(README) ?? [];
  return block as string;
}

async function run(code: string): Promise<string> {
  expect(code).toContain(WS);
  const here = code.replaceAll(WS, `127.0.0.1:${server.wsPort}`);
  return (await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', here])).stdout;
}

test('the player plays and leaves', async () => {
  const code = blockOf('A player in five lines', 'ts');
  expect(await run(code)).toContain('plays');
  const [, userId] = /userId: '([^']+)'/.exec(code) as unknown as [string, string];
  expect((await server.get(`/status/user/${userId}`)).body).toMatchObject({
    online: false,
    lastSeenAt: expect.any(Number),
  });
});

test('the dashboard counts and ends', async () => {
  expect(await run(blockOf('A dashboard in five lines', 'ts'))).toContain('{ users: 0, sessions: 0 }');
});

test('its commands are answered', async () => {
  const commands = blockOf('Over HTTP', 'sh').replace(/\\\n/g, '').trim().split('\n');
  expect(commands.length).toBeGreaterThan(3);
  for (const command of commands) {
    const here = command
      .replace(HTTP, `localhost:${server.httpPort}`)
      .replace('curl', 'curl -sS -o /dev/null -w %{http_code}');
    expect([command, (await promisify(execFile)('sh', ['-c', here])).stdout]).toEqual([command, '200']);
  }
});

describe('it', () => {
  test('is short', () => {
    expect(README.trim().split('\n').length).toBeLessThanOrEqual(MAX_LINES);
  });

  test('shows the picture that its script draws', () => {
    expect(README).toContain('](gateway/overview.svg)');
    const drawn = execFileSync(process.execPath, ['tests/tools/picture.mjs', '--print'], { encoding: 'utf8' });
    expect(readFileSync('gateway/overview.svg', 'utf8')).toBe(drawn);
  });
});

describe('links between documents', () => {
  const links = (...where: string[]): Promise<{ stdout: string; stderr: string }> =>
    promisify(execFile)(process.execPath, ['tests/tools/links.mjs', ...where]);

  test('lead to what is there', async () => {
    expect((await links()).stdout).toMatch(/^\d{2,} links/);
  });

  test('that lead nowhere are named', async () => {
    const root = mkdtempSync(join(folder, 'links-'));
    writeFileSync(
      join(root, 'a.md'),
      '# One `two`, three\n# Same\n# Same\n[a](b.md) [b](b.md#none) [c](#one-two-three) [d](#same-1) [e](#same-2) [f](https://x.example)\n```sh\n# code\n[g](none.md)\n```\n[h](#code) <img src="none.png">\n',
    );
    mkdirSync(join(root, 'node_modules'));
    writeFileSync(join(root, 'node_modules/c.md'), '[i](none.md)');
    writeFileSync(join(root, 'b.md'), 'no heading');
    const { code, stderr } = (await links(root).catch((error) => error)) as { code: number; stderr: string };
    expect([code, stderr.trim().split('\n')]).toEqual([
      1,
      [
        'a.md: b.md#none names no heading of b.md',
        'a.md: #same-2 names no heading of a.md',
        'a.md: #code names no heading of a.md',
        'a.md: none.png is not there',
      ],
    ]);
  });
});
