/** The two packages as npm packs them: installed into an empty project, they work. */
import { execFile, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { createContext, runInContext } from 'node:vm';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type * as SDK from '../../gateway/client/index.ts';
import { CLIENT, install, link, type Packed, pack } from '../support/packages.ts';

const ROOT = process.cwd();
const TSC = join(ROOT, 'node_modules/typescript/bin/tsc');
const MAX_CLIENT_BYTES = 60_000;

const folder = mkdtempSync(join(tmpdir(), 'presence-packages-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

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
    packed = pack(CLIENT, folder);
    install(project, join(folder, packed.filename), 'presence-gateway-client');
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

  test('runs in an engine of 2019, which has neither globalThis nor queueMicrotask', async () => {
    const [noTimer, clear] = [() => 0, () => {}];
    const engine: Record<string, unknown> = {
      setTimeout: noTimer,
      setInterval: noTimer,
      clearTimeout: clear,
      clearInterval: clear,
      sockets: [],
    };
    engine.self = engine;
    createContext(engine);
    const code = readFileSync(join(CLIENT, 'index.js'), 'utf8');
    const run = (script: string): unknown => runInContext(script, engine);
    run('delete globalThis.globalThis');
    run('self.WebSocket = class { constructor() { sockets.push(this); } send() {} close() {} }');
    run(`${code}\nvar player = new Presence.PresenceClient({ url: 'ws://test/ws', userId: 'u' });`);
    run(`player.on('state', () => { throw new Error('of a listener'); }); player.connect();`);
    await new Promise(setImmediate);
    run(`sockets[0].onopen(); sockets[0].onmessage({ data: '{"type":"welcome","resumeGraceMs":0}' });`);
    run(`player.leave(); sockets[0].onclose({ code: 1006, reason: '' });`);
    await new Promise(setImmediate);
    expect(run('[typeof globalThis, typeof queueMicrotask, player.state].join()')).toBe('undefined,undefined,closed');
  });

  test('its shortened names are not those that the language calls', async () => {
    const { PresenceSubscription } = (await import(join(CLIENT, 'index.mjs'))) as typeof SDK;
    const all = new PresenceSubscription({ url: 'ws://test/ws', topic: 'all', WebSocket: class {} as never });
    const changes = all[Symbol.asyncIterator]();
    // As `break` in a `for await` does.
    expect(await changes.return?.()).toEqual({ done: true, value: undefined });
    expect(await changes.next()).toEqual({ done: true, value: undefined });
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
async function readyOf(output: Readable): Promise<{ wsPort: number; httpPort: number }> {
  for await (const line of createInterface(output)) {
    const said = JSON.parse(line) as { msg: string; wsPort: number; httpPort: number };
    if (said.msg === 'ready') return said;
  }
  throw new Error('it ended before it was ready');
}

describe('the gateway', () => {
  test('starts from its tarball, by its command', async () => {
    const project = join(folder, 'server');
    const packed = pack(ROOT, folder);
    const files = packed.files.map(({ path }) => path);
    expect(files).toEqual(expect.arrayContaining(['LICENSE', 'README.md', 'dist/gateway/main.js']));
    expect(files.filter((path) => /^(tests|bench|dist\/(tests|bench\/(?!load\/)))/.test(path))).toEqual([]);
    const at = install(project, join(folder, packed.filename), 'presence-gateway');
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
    const loadCommand = join(at, bin['presence-load'] as string);
    // As npm does with commands.
    for (const file of [command, loadCommand]) chmodSync(file, 0o755);
    const env = { PATH: process.env.PATH, WS_PORT: '0', HTTP_PORT: '0', DATABASE_URL: 'none', DRAIN_MS: '0' };
    const child = spawn(command, { cwd: project, env, stdio: ['ignore', 'pipe', 'inherit'] });
    try {
      const { wsPort, httpPort } = await readyOf(child.stdout);
      const script = await fetch(`http://127.0.0.1:${httpPort}/client.js`);
      expect([script.status, await script.text()]).toEqual([200, expect.stringContaining('PresenceClient')]);
      const forEver = await fetch(`http://127.0.0.1:${httpPort}${script.headers.get('content-location')}`);
      expect(forEver.headers.get('cache-control')).toContain('immutable');
      const urls = ['--url', `ws://127.0.0.1:${wsPort}`, '--http', `http://127.0.0.1:${httpPort}`];
      const small = ['--players', '5', '--ramp', '0', '--hold', '1s', '--require', 'errors<=0', '--json', '-'];
      const { stdout } = await promisify(execFile)(loadCommand, [...urls, ...small], { cwd: project });
      expect(JSON.parse(stdout)).toMatchObject({ mostPlayers: 5, leftBehind: 0, errors: {} });
    } finally {
      child.kill('SIGTERM');
      expect(await once(child, 'exit')).toEqual([0, null]);
    }
  });
});
