/** The two packages as npm packs them: installed into an empty project, they work. */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

const ROOT = process.cwd();
const CLIENT = join(ROOT, 'dist/gateway/client-package');
const TSC = join(ROOT, 'node_modules/typescript/bin/tsc');
const MAX_CLIENT_BYTES = 60_000;

const folder = mkdtempSync(join(tmpdir(), 'presence-packages-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Packed {
  readonly filename: string;
  readonly size: number;
  readonly files: readonly { readonly path: string }[];
}

function pack(source: string): Packed {
  const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', folder];
  const [packed] = JSON.parse(execFileSync('npm', args, { cwd: source, encoding: 'utf8' })) as [Packed];
  return packed;
}

/** Unpacked where npm would put it, beside the packages that this checkout has. */
function install(project: string, tarball: string, name: string): string {
  const at = join(project, 'node_modules', name);
  mkdirSync(at, { recursive: true });
  execFileSync('tar', ['xzf', join(folder, tarball), '-C', at, '--strip-components=1']);
  return at;
}

function link(project: string, ...names: readonly string[]): void {
  for (const name of names) {
    const at = join(project, 'node_modules', name);
    mkdirSync(dirname(at), { recursive: true });
    if (!existsSync(at)) symlinkSync(join(ROOT, 'node_modules', name), at);
  }
}

const run = (project: string, file: string): string =>
  execFileSync(process.execPath, [file], { cwd: project, encoding: 'utf8' }).trim();

const USE = `
const player = new PresenceClient({ url: 'ws://127.0.0.1:1/ws', userId: 'u', WebSocket: class {} as never, streamId: 's' });
const sessions: ReadonlyMap<string, SessionView> = new PresenceSubscription({ on: player.connection, topic: 'all' }).sessions;
const conflicts: readonly Conflict[] = player.status.denied?.conflicts ?? [];
// @ts-expect-error a stream is named by a string
void player.setStream(1);
export const all = [sessions, conflicts];
`;
const NAMES = '{ PresenceClient, PresenceSubscription, type Conflict, type SessionView }';

describe('the client', () => {
  let packed: Packed;
  const project = join(folder, 'app');
  beforeAll(() => {
    packed = pack(CLIENT);
    install(project, packed.filename, 'presence-gateway-client');
    link(project, 'react', '@types/react', 'csstype');
    writeFileSync(join(project, 'package.json'), '{"name":"app","type":"module"}');
  });

  test('is small, has no dependency, and a licence', () => {
    const manifest = JSON.parse(readFileSync(join(CLIENT, 'package.json'), 'utf8')) as Record<string, unknown>;
    expect(packed.size).toBeLessThan(MAX_CLIENT_BYTES);
    expect(manifest).not.toHaveProperty('dependencies');
    expect(manifest.version).toBe(JSON.parse(readFileSync('package.json', 'utf8')).version);
    const files = packed.files.map(({ path }) => path);
    expect(files).toEqual(expect.arrayContaining(['LICENSE', 'README.md', 'index.mjs', 'index.js', 'index.map']));
  });

  test('its map has the sources, and leads to them', async () => {
    const { SourceMap } = await import('node:module');
    const map = JSON.parse(readFileSync(join(CLIENT, 'index.map'), 'utf8')) as never;
    for (const file of ['index.mjs', 'index.js']) {
      const [code = ''] = readFileSync(join(CLIENT, file), 'utf8').split('\n', 1);
      const place = new SourceMap(map).findEntry(0, code.indexOf('token_failed')) as Record<string, unknown>;
      const { sources, sourcesContent } = map as { sources: string[]; sourcesContent: string[] };
      const source = sourcesContent[sources.indexOf(place.originalSource as string)] ?? '';
      const near = source.split('\n').slice((place.originalLine as number) - 1, (place.originalLine as number) + 3);
      expect(near.join('\n')).toContain('token_failed');
    }
  });

  test.each([
    [
      'a module',
      'use.mjs',
      `import { PresenceClient } from 'presence-gateway-client'; console.log(typeof PresenceClient);`,
    ],
    [
      'CommonJS',
      'use.cjs',
      `const { PresenceClient } = require('presence-gateway-client'); console.log(typeof PresenceClient);`,
    ],
    [
      'React, a module',
      'react.mjs',
      `import { usePlayback } from 'presence-gateway-client/react'; console.log(typeof usePlayback);`,
    ],
    [
      'React, CommonJS',
      'react.cjs',
      `const { usePlayback } = require('presence-gateway-client/react'); console.log(typeof usePlayback);`,
    ],
  ])('is loaded by Node: %s', (_, file, code) => {
    writeFileSync(join(project, file), code);
    expect(run(project, file)).toBe('function');
  });

  test.each([
    ['node16', 'mts'],
    ['node16', 'cts'],
    ['nodenext', 'mts'],
    ['nodenext', 'cts'],
    ['bundler', 'ts'],
  ])('has types: %s, %s', (resolution, extension) => {
    const file = `types-${resolution}.${extension}`;
    const hook =
      "import { usePlayback } from 'presence-gateway-client/react';\nexport const hook: (id: string) => { status: string } = usePlayback;";
    writeFileSync(join(project, file), `import ${NAMES} from 'presence-gateway-client';\n${hook}\n${USE}`);
    const module = resolution === 'bundler' ? 'esnext' : resolution;
    const options = ['--strict', '--noEmit', '--target', 'es2022', '--lib', 'es2022,dom', '--types', ''];
    const args = [TSC, file, '--ignoreConfig', '--module', module, '--moduleResolution', resolution, ...options];
    const { stdout } = spawnSync(process.execPath, args, { cwd: project, encoding: 'utf8' });
    expect(stdout).toBe('');
  });
});

/** What it says once it serves. */
async function readyOf(output: Readable): Promise<{ httpPort: number }> {
  for await (const line of createInterface(output)) {
    const said = JSON.parse(line) as { msg: string; httpPort: number };
    if (said.msg === 'ready') return said;
  }
  throw new Error('it ended before it was ready');
}

describe('the gateway', () => {
  test('starts from its tarball, by its command', async () => {
    const project = join(folder, 'server');
    const packed = pack(ROOT);
    const files = packed.files.map(({ path }) => path);
    expect(files).toEqual(expect.arrayContaining(['LICENSE', 'README.md', 'dist/gateway/main.js']));
    expect(files.filter((path) => /^(tests|bench|dist\/(tests|bench))/.test(path))).toEqual([]);
    const at = install(project, packed.filename, 'presence-gateway');
    const { bin, dependencies } = JSON.parse(readFileSync(join(at, 'package.json'), 'utf8')) as {
      bin: Record<string, string>;
      dependencies: Record<string, string>;
    };
    // With all that they need in turn.
    for (const name of readdirSync(join(ROOT, 'node_modules')).filter((each) => !each.startsWith('.'))) {
      if (name !== 'presence-gateway') link(project, name);
    }
    expect(Object.keys(dependencies).filter((name) => !existsSync(join(project, 'node_modules', name)))).toEqual([]);
    const command = join(at, bin['presence-gateway'] as string);
    expect(statSync(command).isFile()).toBe(true);
    // As npm does with commands.
    chmodSync(command, 0o755);
    const env = { PATH: process.env.PATH, WS_PORT: '0', HTTP_PORT: '0', DATABASE_URL: 'none', DRAIN_MS: '0' };
    const child = spawn(command, { cwd: project, env, stdio: ['ignore', 'pipe', 'inherit'] });
    try {
      const { httpPort } = await readyOf(child.stdout);
      const script = await fetch(`http://127.0.0.1:${httpPort}/client.js`);
      expect([script.status, await script.text()]).toEqual([200, expect.stringContaining('PresenceClient')]);
      const forEver = await fetch(`http://127.0.0.1:${httpPort}${script.headers.get('content-location')}`);
      expect(forEver.headers.get('cache-control')).toContain('immutable');
    } finally {
      child.kill('SIGTERM');
      expect(await once(child, 'exit')).toEqual([0, null]);
    }
  });
});
