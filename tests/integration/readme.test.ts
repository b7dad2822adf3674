/** What the README shows a stranger is so: its examples run as they stand, its commands are answered, its links lead somewhere. */
import { execFile, execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
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
  await run(code);
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

  test.each(['README.md', 'gateway/README.md', 'bench/FIGURES.md', 'bench/load/README.md', 'gateway/client/README.md'])(
    '%s links to what is there',
    (path) => {
      const links = [...readFileSync(path, 'utf8').matchAll(/\]\((?!https?:)([^)#]*)(#[^)]*)?\)/g)];
      const heading = (text: string) =>
        `#${text
          .toLowerCase()
          .replace(/[^\w -]/g, '')
          .replaceAll(' ', '-')}`;
      for (const [link, file, anchor] of links) {
        const target = file ? join(dirname(path), file) : path;
        expect([link, existsSync(target)]).toEqual([link, true]);
        if (!anchor) continue;
        const headings = [...readFileSync(target, 'utf8').matchAll(/^#+ (.*)$/gm)].map(([, text]) =>
          heading(text as string),
        );
        expect([link, headings.includes(anchor)]).toEqual([link, true]);
      }
    },
  );
});
