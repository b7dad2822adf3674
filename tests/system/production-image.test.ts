/** The Dockerfile as far as it can be followed without Docker: what its last stage holds is enough to run. */
import { execFileSync, spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startTestServer } from '../support/servers.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const dockerfile = readFileSync(join(ROOT, 'Dockerfile'), 'utf8').split('\n');

interface Lock {
  readonly packages: Readonly<Record<string, { readonly dev?: boolean }>>;
}

/** Paths that a COPY line takes, from the checkout or from the stage before. */
function copied(from: 'checkout' | 'build'): string[] {
  return dockerfile
    .map((line) => line.split(' '))
    .filter(([verb, option]) => verb === 'COPY' && (option === '--from=build') === (from === 'build'))
    .flatMap((words) => words.slice(from === 'build' ? 2 : 1, -1));
}

const image = mkdtempSync(join(tmpdir(), 'presence-image-'));
afterAll(() => rmSync(image, { recursive: true, force: true }));

/** Real copies: what the build deletes of them must stay in the checkout. */
const CLEANED = ['node_modules/uWebSockets.js', 'node_modules/better-sqlite3'];

/** Links each package that `npm prune --omit=dev` leaves at the top of node_modules, and no other. */
function linkProductionPackages(): void {
  const { packages } = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as Lock;
  for (const [path, { dev }] of Object.entries(packages)) {
    const isTop = path.lastIndexOf('node_modules/') === 0;
    if (!isTop || dev || !existsSync(join(ROOT, path))) continue;
    mkdirSync(dirname(join(image, path)), { recursive: true });
    if (CLEANED.includes(path)) cpSync(join(ROOT, path), join(image, path), { recursive: true });
    else symlinkSync(join(ROOT, path), join(image, path));
  }
}

test('what is copied from the checkout is there, and not ignored', () => {
  const ignored = readFileSync(join(ROOT, '.dockerignore'), 'utf8').trim().split('\n');
  const sources = copied('checkout');
  expect(sources).toContain('gateway');
  expect(sources.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  expect(sources.filter((path) => ignored.includes(path))).toEqual([]);
});

/** The command of a RUN line, with the lines that it goes on in. */
function commandOf(begin: string): string {
  const text = dockerfile.join('\n').replace(/\\\n/g, ' ');
  return new RegExp(`^RUN (${begin}.*)$`, 'm').exec(text)?.[1] ?? 'false';
}

describe('what the image holds', () => {
  beforeAll(() => {
    linkProductionPackages();
    execFileSync('sh', ['-c', commandOf('find node_modules')], { cwd: image });
    for (const path of copied('build')) {
      const taken = path.slice('/app/'.length);
      if (taken !== 'node_modules') cpSync(join(ROOT, taken), join(image, taken), { recursive: true });
    }
  });

  test('is no test, no measurement and no compiler', () => {
    expect(readdirSync(join(image, 'dist')).sort()).toEqual(['gateway', 'presence-core']);
    expect(existsSync(join(image, 'node_modules/typescript'))).toBe(false);
    expect(existsSync(join(image, 'node_modules/pino'))).toBe(true);
  });

  test('is the binary of this platform and Node alone, and small', () => {
    const binaries = readdirSync(join(image, 'node_modules/uWebSockets.js')).filter((name) => name.endsWith('.node'));
    const { platform, arch, versions } = process;
    expect(binaries).toEqual([`uws_${platform}_${arch}_${versions.modules}.node`]);
    const [kilobytes] = execFileSync('du', ['-skL', image], { encoding: 'utf8' }).split('\t');
    // Beside Node.js and Debian, 200 MB in all as a registry counts.
    expect(Number(kilobytes)).toBeLessThan(60 * 1_024);
  });

  test('serves by uWebSockets.js, and finds SQLite', () => {
    const env = { PATH: process.env.PATH, DATABASE_URL: 'sqlite:./data/presence.db' };
    const checked = execFileSync('node', ['dist/gateway/main.js', '--check'], { cwd: image, env, encoding: 'utf8' });
    expect(checked).toContain('transport: uWebSockets.js');
    expect(checked).toContain('history: SQLite');
  });

  test('has a health check that tells a process that answers from one that does not', async () => {
    const line = dockerfile.find((one) => one.startsWith('HEALTHCHECK')) ?? '';
    const [command, ...args] = JSON.parse(line.slice(line.indexOf('['))) as [string, ...string[]];
    const check = (port: number): Promise<number | null> =>
      new Promise((resolve) => {
        spawn(command, args, { env: { ...process.env, HTTP_PORT: String(port) } }).once('exit', resolve);
      });
    const server = await startTestServer();
    expect(await check(server.httpPort)).toBe(0);
    await server.stop(0);
    expect(await check(server.httpPort)).toBe(1);
  });

  test('has a folder for the history that its user may write, kept beyond the container', () => {
    const at = (text: string): number => dockerfile.findIndex((one) => one.includes(text));
    expect(at('chown node:node data')).toBeGreaterThan(0);
    expect(at('chown node:node data')).toBeLessThan(at('USER node'));
    expect(dockerfile).toContain('VOLUME /app/data');
  });

  test.each([
    ['its own command', ['node', 'dist/gateway/main.js', '--help']],
    ['npm start', ['npm', 'start', '--', '--help']],
  ])('starts by %s', (_, [command = '', ...args]) => {
    expect(execFileSync(command, args, { cwd: image, encoding: 'utf8' })).toContain('--redis-url');
  });
});
