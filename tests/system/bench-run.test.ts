/** The bench as a command. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { treePids } from '../../bench/children.ts';
import { runBench } from '../support/bench-runs.ts';

test('--list and --help name every part, and measure nothing', async () => {
  const list = await runBench('--list');
  expect(list).toMatchObject({ code: 0, stderr: '' });
  expect(list.stdout).toMatch(/^peers crash +\d+ s {2}all {2}a server is killed/m);
  const help = await runBench('--help');
  expect(help).toMatchObject({ code: 0, stderr: '' });
  expect(help.stdout).toMatch(/^ {2}peers +hold, storm, fan-out, status, admission, crash$/m);
});

test.each([
  [[], 'name a scenario'],
  [['core', 'nothing'], "no such part: 'nothing'"],
])('%j is refused in one line', async (args, message) => {
  const { code, stdout, stderr } = await runBench(...args);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toContain(message);
  expect(stderr.trim().split('\n')).toHaveLength(1);
});

test('a contender that nobody has fails the part, and nothing is kept', async () => {
  const { code, stderr, result } = await runBench('peers', 'admission', '--only', 'nobody');
  expect({ code, result }).toEqual({ code: 1, result: undefined });
  expect(stderr).toContain("no such contender: 'nobody'");
});

test('a run that is ended by a signal leaves no process behind', async () => {
  const out = mkdtempSync(join(tmpdir(), 'bench-run-'));
  const args = ['peers', 'hold', '--only', 'gateway-redis,origin', '--players', '20', '--out', out];
  const child = spawn(process.execPath, ['dist/bench/run.js', ...args]);
  const said = createInterface({ input: child.stderr });
  for await (const line of said) if (line.includes('all are held')) break;
  const others = treePids(child.pid as number).slice(1);
  // A gateway or service, a Redis and clients, twice.
  expect(others).toHaveLength(6);
  child.kill('SIGTERM');
  expect(await once(child, 'exit')).toEqual([130, null]);
  const isThere = (pid: number): boolean => existsSync(`/proc/${pid}/exe`);
  while (others.some(isThere)) await sleep(20);
  expect(readdirSync(out)).toEqual([]);
  rmSync(out, { recursive: true });
});

test('a run says how far it is, and keeps samples, command, commit, machine and its load', async () => {
  const { code, stdout, stderr, result } = await runBench(
    ...['peers', 'admission', '--only', 'gateway-redis,origin', '--rounds', '2', '--strict'],
  );
  expect({ code, stderr: stderr.replace(/^.* s {2}.*\n/gm, '') }).toEqual({ code: 0, stderr: '' });
  expect(stderr).toContain('1 of 1: peers admission');
  expect(stderr).toContain('turn 2 of 2: heartbeat service');
  expect(stdout).toContain('0 of 1 targets missed');
  const part = result?.parts.admission;
  expect(part).toMatchObject({
    command: expect.stringContaining('npm run bench -- peers admission --only gateway-redis,'),
    at: expect.stringMatching(/^\d{4}-.*Z$/),
    tookMs: expect.any(Number),
    machine: { node: process.version, cores: expect.any(Number), cpu: expect.any(String), redis: expect.any(String) },
    load: { before: expect.any(Array), after: expect.any(Array), othersPercent: expect.any(Number) },
  });
  const figure = (key: string) => part?.figures.find((one) => one.key === key);
  for (const name of ['gateway-redis', 'origin']) {
    expect(figure(`${name}/cpu`)?.samples).toHaveLength(2);
    expect(figure(`${name}/cpu`)?.value).toBeGreaterThan(0);
  }
  expect(figure('gateway-redis/overshoot')?.samples).toEqual([0, 0]);
}, 120_000);
