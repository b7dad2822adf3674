/** How the load tester is told what to do, and the words with which it refuses what makes no sense. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { processesFor } from '../../bench/load/capacity.ts';
import { helpText } from '../../bench/load/help.ts';
import { OPTIONS } from '../../bench/load/option-table.ts';
import { type LoadCommand, type LoadOptions, readCommand, UsageError } from '../../bench/load/options.ts';
import { planText } from '../../bench/load/plan-text.ts';
import { claimsOf, listedUsers, signed, Tokens } from '../../bench/load/tokens.ts';
import { readDashboards } from '../../bench/load/topics.ts';
import { durationMs, perSecond, size } from '../../bench/load/units.ts';
import { hsToken } from '../support/tokens.ts';

const URL = ['--url', 'ws://h:1'];
const folder = mkdtempSync(join(tmpdir(), 'presence-load-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const commandOf = (...argv: string[]): LoadCommand => readCommand([...URL, ...argv], {}, () => 0.5) as LoadCommand;
const optionsOf = (...argv: string[]): LoadOptions => commandOf(...argv).options;

describe('defaults', () => {
  test('without more than a URL', () => {
    expect(optionsOf()).toEqual({
      url: 'ws://h:1/ws',
      http: undefined,
      isInsecure: false,
      localAddresses: [],
      players: 100,
      rampMs: 10_000,
      holdMs: 30_000,
      rate: 5,
      mix: new Map(Object.entries({ switch: 80, join: 5, leave: 5, drop: 10 })),
      awayMs: 2_000,
      storm: undefined,
      stormAtMs: 15_000,
      stormOverMs: 5_000,
      screens: [1, 1, 1, 1, 2],
      streams: 500,
      httpPlayers: 10,
      dashboards: [],
      statusRate: 0,
      statusIds: 100,
      seed: 2 ** 30,
      prefix: `load-${2 ** 30}`,
      timeoutMs: 10_000,
      processes: undefined,
      tokens: { kind: 'none' },
      apiKey: undefined,
    });
  });

  test('with HTTP there are heartbeats and guards too', () => {
    expect([...optionsOf('--http', 'http://h:2/').mix.keys()]).toContain('guard');
    expect(optionsOf('--http', 'http://h:2/').http).toBe('http://h:2');
  });

  test('secrets come from the environment, and the option wins', () => {
    const env = { LOAD_SECRET: 'a', LOAD_API_KEY: 'k' };
    expect(readCommand(URL, env)?.options).toMatchObject({ tokens: { secret: 'a' }, apiKey: 'k' });
    expect(readCommand([...URL, '--secret', 'b'], env)?.options.tokens).toMatchObject({ secret: 'b' });
  });
});

test('every option has its help, and help asks for nothing else', () => {
  for (const name of Object.keys(OPTIONS)) expect(helpText()).toContain(`--${name}`);
  expect(readCommand(['--help'], {})).toBeUndefined();
});

test.each([
  [durationMs, '250ms', 250],
  [durationMs, '1.5s', 1_500],
  [durationMs, '2m', 120_000],
  [durationMs, '0', 0],
  [size, '10k', 10_000],
  [size, '1.5M', 1_500_000],
  [perSecond, '50', 50],
  [perSecond, '50/s', 50],
  [perSecond, '600/m', 10],
])('%p of %s is %d', (read, text, value) => {
  expect(read(text)).toBe(value);
});

test.each([
  ['all', [{ kind: 'all', count: 1, mode: 'events' }]],
  [
    'stream=10:interval, users:auto',
    [
      { kind: 'stream', count: 10, mode: 'interval' },
      { kind: 'users', count: 1, mode: 'auto' },
    ],
  ],
  ['none', []],
])('dashboards %s', (text, groups) => {
  expect(readDashboards(text)).toEqual(groups);
});

test.each([
  [[], '--url is required'],
  [['--url', 'http://h'], "--url: 'http://h' is not a URL that begins with ws:// or wss://"],
  [[...URL, '--http', 'h:1'], "--http: 'h:1' is not a URL"],
  [[...URL, '--playrs', '3'], 'there is no option --playrs; did you mean --players?'],
  [[...URL, '--zzz'], 'there is no option --zzz (--help lists all)'],
  [[...URL, 'more'], "'more'"],
  [[...URL, '--players', 'many'], "--players: 'many' is not a whole number"],
  [[...URL, '--players', '1.5'], "--players: '1.5' is not a whole number"],
  [[...URL, '--players', '0'], '--players: there must be at least one'],
  [[...URL, '--ramp', '10'], "--ramp: '10' is not a duration"],
  [[...URL, '--rate', 'fast'], "--rate: 'fast' is not a rate"],
  [[...URL, '--mix', 'zap=1'], "--mix: 'zap' is no act"],
  [[...URL, '--mix', 'beat=1'], '--mix: beat and guard need --http'],
  [[...URL, '--status', '5/s'], '--status needs --http'],
  [[...URL, '--http', 'http://h', '--status', '5', '--status-ids', '20k'], '--status-ids: from 1 to 10000'],
  [[...URL, '--storm', 'hurricane'], "--storm: 'hurricane' is no storm; there are deploy, premiere, reconnect"],
  [[...URL, '--storm', 'deploy', '--storm-at', '29s'], '--storm: it must end within --hold'],
  [[...URL, '--storm-at', '1s'], '--storm-at and --storm-over need --storm'],
  [[...URL, '--screens', '1,0'], "--screens: '1,0'"],
  [[...URL, '--dashboards', 'everything'], "--dashboards: 'everything' is not a topic"],
  [[...URL, '--dashboards', 'all=2:slow'], "--dashboards: 'slow' is no mode"],
  [[...URL, '--prefix', 'a b'], '--prefix'],
  [[...URL, '--timeout', '0'], '--timeout'],
  [[...URL, '--processes', '0'], '--processes'],
  [[...URL, '--hold', '0', '--ramp', '0'], '--hold'],
  [[...URL, '--secret', 'a', '--token-command', 'b'], 'tokens come from one source'],
  [[...URL, '--claims', '{}'], '--claims are of tokens signed with --secret'],
  [[...URL, '--secret', 'a', '--claims', '[1]'], '--claims: not a JSON object'],
  [[...URL, '--tokens', '/nowhere'], '--tokens: ENOENT'],
  [[...URL, '--tokens', file('none', '\n')], '--tokens: the file has no token'],
  [[...URL, '--tokens', file('junk', 'abc\n')], "--tokens: 'abc…' is not a JWT"],
  [[...URL, '--json', '/nowhere/out.json'], '--json: ENOENT'],
  [[...URL, '--require', 'welcome'], "--require: 'welcome' is not a requirement"],
])('%j is refused: %s', (argv, words) => {
  expect(() => readCommand(argv, {})).toThrow(UsageError);
  expect(() => readCommand(argv, {})).toThrow(words);
});

describe('processes', () => {
  const machine = { cores: 4, openFiles: 20_000, ports: 28_000 };

  test.each([
    [['--players', '100'], machine, 1],
    [['--players', '5k'], machine, 2],
    [['--players', '20k'], machine, 4],
    [['--players', '20k', '--processes', '2'], machine, 2],
    [['--players', '2k'], { ...machine, openFiles: 1_024 }, 3],
    [['--players', '50k', '--local-addresses', '127.0.0.1,127.0.0.2'], machine, 4],
  ])('%j takes as many as the cores and the open files ask for', (argv, of, processes) => {
    expect(processesFor(optionsOf(...argv), of)).toBe(processes);
  });

  test.each([
    [['--players', '2k', '--processes', '1'], { ...machine, openFiles: 1_024 }, 'use --processes 3'],
    [['--players', '2k'], { ...machine, openFiles: 64 }, 'raise the limit (ulimit -n)'],
    [['--players', '50k'], machine, '--local-addresses'],
  ])('%j is refused where the machine does not allow it: %s', (argv, of, words) => {
    expect(() => processesFor(optionsOf(...argv), of)).toThrow(words);
  });
});

test('a dry run counts what the plan has', () => {
  const text = planText(
    optionsOf('--players', '40', '--ramp', '1s', '--hold', '2s', '--rate', '10/s', '--mix', 'switch=1'),
    1,
  );
  expect(text).toContain('40 of 34 users');
  expect(text).toMatch(/join +40\n/);
  expect(text).toMatch(/switch +20\n/);
});

describe('tokens', () => {
  test('are signed as any verifier checks them', async () => {
    const { jwtVerify } = await import('jose');
    const token = signed('secret-of-32-bytes-secret-of-32-b', { sub: 'ann', scope: 'presence:player' }, 60_000);
    const { payload } = await jwtVerify(token, new TextEncoder().encode('secret-of-32-bytes-secret-of-32-b'));
    expect(payload).toMatchObject({ sub: 'ann', scope: 'presence:player' });
    expect((payload.exp as number) - (payload.iat as number)).toBe(60);
  });

  test('claims are added to signed ones', async () => {
    const tokens = new Tokens({ kind: 'secret', secret: 's', claims: { iss: 'me', max_streams: 5 } }, 1_000);
    const token = (await tokens.of('ann', 'presence:read')) as string;
    expect(claimsOf(token)).toMatchObject({ sub: 'ann', scope: 'presence:read', iss: 'me', max_streams: 5 });
  });

  test('of a list say who takes part, and who reads', async () => {
    const player = await hsToken({ sub: 'ann' });
    const reader = await hsToken({ sub: 'board', scope: 'presence:read' });
    const list = [player, reader];
    expect(listedUsers(list)).toEqual(['ann']);
    const tokens = new Tokens({ kind: 'list', tokens: list }, 0);
    expect([await tokens.of('ann', 'presence:player'), await tokens.of('x', 'presence:read')]).toEqual(list);
    expect(() => listedUsers([reader])).toThrow('no token of the list has the scope presence:player');
  });

  test('of a command are asked for by user and scope, once while they last', async () => {
    const command = `echo "$LOAD_USER/$LOAD_SCOPE" | tee -a ${join(folder, 'asked')}`;
    const tokens = new Tokens({ kind: 'command', command }, 0);
    expect(await tokens.of('ann', 'presence:player')).toBe('ann/presence:player');
    expect(await tokens.of('ann', 'presence:player')).toBe('ann/presence:player');
    const { readFileSync } = await import('node:fs');
    expect(readFileSync(join(folder, 'asked'), 'utf8')).toBe('ann/presence:player\n');
    await expect(new Tokens({ kind: 'command', command: 'exit 3' }, 0).of('a', 'presence:read')).rejects.toThrow(
      '--token-command',
    );
  });
});
