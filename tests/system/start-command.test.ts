/** The commands that people and process managers call: signals reach the server through npm, and nothing is left. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from '@jest/globals';
import { Player } from '../support/player.ts';
import { until } from '../support/servers.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const PORTS = ['--ws-port=0', '--http-port=0'];

type Line = Readonly<Record<string, unknown>>;

/** A command, in a process group of its own, and the log lines of the server that it starts. */
class Command {
  readonly npm: ChildProcess;
  readonly lines: Line[] = [];
  /** What else it says. */
  readonly texts: string[] = [];
  /** By its code; null when a signal ended it. */
  readonly exited: Promise<number | null>;
  private hasExited = false;

  /** @param unset variables that it does not get */
  constructor(script: string, env: Record<string, string>, unset: readonly string[]) {
    const given = { ...process.env, DATABASE_URL: 'none', LOG_LEVEL: 'info', ...env };
    const kept = Object.entries(given).filter(([name]) => !unset.includes(name));
    this.npm = spawn('npm', ['run', script, '--', ...PORTS], {
      cwd: ROOT,
      env: Object.fromEntries(kept),
      stdio: ['ignore', 'pipe', 'inherit'],
      detached: true,
    });
    this.exited = new Promise((resolve) => this.npm.once('exit', resolve));
    void this.exited.then(() => {
      this.hasExited = true;
    });
    createInterface({ input: this.npm.stdout as NodeJS.ReadableStream }).on('line', (line) => {
      if (line.startsWith('{')) this.lines.push(JSON.parse(line) as Line);
      else this.texts.push(line);
    });
  }

  find(message: string): Line | undefined {
    return this.lines.find((line) => line.message === message);
  }

  async line(message: string): Promise<Line> {
    await until(() => this.find(message) !== undefined || this.hasExited);
    return this.find(message) ?? {};
  }
}

function isAlive(pid: unknown): boolean {
  try {
    return process.kill(pid as number, 0);
  } catch {
    return false;
  }
}

let command: Command;
afterEach(() => {
  // Whatever is left of the group, if the test failed.
  try {
    process.kill(-(command.npm.pid as number), 'SIGKILL');
  } catch {
    // Nothing is.
  }
});

async function start(script: string, env: Record<string, string> = {}, unset: readonly string[] = []) {
  command = new Command(script, env, unset);
  const { wsPort, httpPort } = await command.line('ready');
  const { pid } = await command.line('starting');
  expect(isAlive(pid)).toBe(true);
  return { pid, wsPort: wsPort as number, httpPort: httpPort as number };
}

describe.each(['start', 'demo', 'dev'])('npm run %s', (script) => {
  test('SIGTERM to npm alone drains the server', async () => {
    const { pid } = await start(script, { DEMO_PLAYERS: '3', DRAIN_MS: '100' });
    command.npm.kill('SIGTERM');
    await command.line('stopped');
    expect(command.find('draining')).toMatchObject({ signal: 'SIGTERM' });
    await command.exited;
    expect(isAlive(pid)).toBe(false);
  });
});

test('npm run demo prints where to look, and has players and a day of history', async () => {
  // Undefined: the demo's own.
  const { httpPort } = await start('demo', { DEMO_PLAYERS: '30', DRAIN_MS: '100' }, ['DATABASE_URL']);
  const origin = `http://127.0.0.1:${httpPort}`;
  await until(() =>
    ['/', '/demo', '/docs'].every((path) => command.texts.some((text) => text.endsWith(origin + path))),
  );
  for (const path of ['/demo', '/docs']) expect((await fetch(origin + path)).status).toBe(200);
  const headers = { accept: 'application/json' };
  const get = async (path: string) =>
    (await (await fetch(origin + path, { headers })).json()) as Record<string, unknown>;
  await until(async () => ((await get('/online')).sessions as number) > 0);
  await until(() => command.texts.some((text) => text.startsWith('The history has')));
  const { points } = await get('/history/concurrency?stepMs=3600000');
  expect((points as unknown[]).length).toBeGreaterThan(22);
  await until(() => command.texts.some((text) => text.startsWith('The analytics have')));
  for (const hoursAgo of [1, 12, 23]) {
    const { impressions } = await get(`/analytics?timestamp=${Date.now() - hoursAgo * 3_600_000}`);
    expect([hoursAgo, impressions]).not.toEqual([hoursAgo, 0]);
  }
  command.npm.kill('SIGTERM');
  await command.line('stopped');
});

describe('a server under npm start', () => {
  const DRAIN_MS = '3000';

  test('drains when SIGINT comes to the whole group, as Ctrl-C sends it, and by npm once more', async () => {
    const { wsPort } = await start('start', { DRAIN_MS });
    const players = await Promise.all(
      Array.from({ length: 20 }, (_, i) => Player.hello(wsPort, { userId: `u${i}` }).then(([player]) => player)),
    );
    process.kill(-(command.npm.pid as number), 'SIGINT');
    const codes = await Promise.all(players.map((player) => player.closed));
    expect(new Set(codes)).toEqual(new Set([1001]));
    await command.line('stopped');
    expect(command.lines.filter(({ message }) => message === 'draining')).toHaveLength(1);
    expect(await command.exited).toBe(0);
  });

  test('ends at once at a second signal while it drains', async () => {
    const { pid, wsPort } = await start('start', { DRAIN_MS: '60000' });
    await Promise.all(Array.from({ length: 20 }, (_, i) => Player.hello(wsPort, { userId: `u${i}` })));
    command.npm.kill('SIGTERM');
    await command.line('draining');
    await sleep(600);
    command.npm.kill('SIGTERM');
    expect(await command.exited).not.toBe(0);
    expect(isAlive(pid)).toBe(false);
    expect(command.find('stopped')).toBeUndefined();
  });
});
