/** The load tester against real gateways: it plays its plan, judges what it sees, and leaves nobody behind. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, test } from '@jest/globals';
import { overBothStores } from '../support/both-stores.ts';
import { load, startLoad } from '../support/load-command.ts';
import { startTestServer, type TestServer, until } from '../support/servers.ts';
import { apiKeyEntry, hsToken, SECRET } from '../support/tokens.ts';

const SHORT = ['--players', '30', '--ramp', '1s', '--hold', '3s', '--rate', '40/s', '--seed', '7', '--streams', '5'];
const WATCHED = ['--dashboards', 'all,stream=2,user=1,users=1,users:auto,stream:interval,stats'];
const TEST_MS = 90_000;

const folder = mkdtempSync(join(tmpdir(), 'presence-load-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const urlOf = (server: TestServer): string[] => ['--url', `ws://127.0.0.1:${server.wsPort}`];
const urlsOf = (server: TestServer): string[] => [...urlOf(server), '--http', `http://127.0.0.1:${server.httpPort}`];

overBothStores((rig) => {
  /** What the sidecar says who is there, once all that was sent has come through. */
  async function emptied(server: TestServer, headers: Record<string, string> = {}): Promise<void> {
    await until(async () => {
      const reply = await fetch(`http://127.0.0.1:${server.httpPort}/online`, { headers });
      return (await reply.text()) === '{"users":0,"sessions":0}';
    });
  }

  test(
    'the whole mix, dashboards, status queries and a storm: all answered, invariants hold, nobody is left',
    async () => {
      const server = await rig.start();
      const storm = ['--storm', 'reconnect', '--storm-at', '1s', '--storm-over', '1s'];
      const argv = [...urlsOf(server), ...SHORT, ...WATCHED, ...storm, '--status', '10/s', '--processes', '2'];
      const { code, report, errors } = await load([...argv, '--require', 'errors<=0', '--require', 'violations<=0']);
      expect([errors, report.violations]).toEqual([expect.any(String), []]);
      expect(report.errors).toEqual({});
      expect([code, report.processes, report.leftBehind, report.isInterrupted]).toEqual([0, 2, 0, false]);
      // Everything was measured, and each dashboard that is told changes was judged.
      const names = [
        'connect',
        'welcome',
        'resume',
        'switch',
        'beat',
        'guard',
        'status',
        'snapshot',
        'change',
        'storm',
      ];
      expect(Object.keys(report.latencies)).toEqual(expect.arrayContaining(names));
      expect(report.latencies.snapshot?.count).toBe(8);
      expect(report.latencies.status?.count).toBe(40);
      expect(report.counts['checked.changes']).toBeGreaterThan(report.counts.made as number);
      expect(report.counts['checked.admissions']).toBeGreaterThan(30);
      await emptied(server);
    },
    TEST_MS,
  );

  test(
    'with authentication: tokens of a secret, HTTP by an API key',
    async () => {
      const env = { AUTH: 'jwt', JWT_SECRET: SECRET, API_KEYS: apiKeyEntry('load', 'admin', 'key') };
      const server = await rig.start(env);
      const argv = [...urlsOf(server), ...SHORT, ...WATCHED, '--status', '5/s'];
      const { code, report, errors } = await load(argv, { LOAD_SECRET: SECRET, LOAD_API_KEY: 'key' });
      expect([code, report.errors, report.violations, errors]).toEqual([0, {}, [], expect.any(String)]);
      expect(report.latencies.beat?.count).toBeGreaterThan(0);
      // No secret is in what it writes.
      expect(JSON.stringify(report) + errors).not.toContain(SECRET);
      await emptied(server, { 'x-api-key': 'key' });
    },
    TEST_MS,
  );

  test(
    'at the limit players are refused, which is no error',
    async () => {
      const server = await rig.start({ MAX_STREAMS: '2' });
      const { code, report } = await load([...urlsOf(server), ...SHORT, '--screens', '1,4', '--require', 'errors<=0']);
      expect([code, report.violations]).toEqual([0, []]);
      expect(report.counts.refused).toBeGreaterThan(5);
      expect(Object.keys(report.closes)).toEqual(['4009']);
      await emptied(server);
    },
    TEST_MS,
  );

  test(
    'Ctrl-C ends early with what there is, and nobody is left',
    async () => {
      const server = await rig.start();
      const argv = [
        ...urlsOf(server),
        ...WATCHED,
        '--players',
        '30',
        '--ramp',
        '500ms',
        '--hold',
        '10m',
        '--json',
        '-',
      ];
      const run = startLoad(argv);
      await run.shows(/ s +hold +players/);
      run.process.kill('SIGINT');
      const { code, report } = await run.over;
      expect([code, report.isInterrupted, report.leftBehind]).toEqual([130, true, 0]);
      expect(report.mostPlayers).toBeGreaterThan(20);
      expect(report.violations).toEqual([]);
      await emptied(server);
    },
    TEST_MS,
  );

  test(
    'without its command the generators still make everybody leave',
    async () => {
      const server = await rig.start({ RESUME_GRACE_MS: '600000' });
      const run = startLoad([...urlOf(server), '--players', '30', '--ramp', '500ms', '--hold', '10m']);
      await run.shows(/ s +hold +players/);
      run.process.kill('SIGKILL');
      await run.over;
      await emptied(server);
    },
    TEST_MS,
  );
});

describe('on one server', () => {
  const running: TestServer[] = [];
  afterEach(async () => {
    await Promise.all(running.splice(0).map((server) => server.stop(0)));
  });
  const start = async (env: Record<string, string> = {}): Promise<TestServer> => {
    const server = await startTestServer(env);
    running.push(server);
    return server;
  };

  test(
    'tokens of a file name the users; those of a command are asked for',
    async () => {
      const server = await start({ AUTH: 'jwt', JWT_SECRET: SECRET });
      const users = ['ann', 'bob', 'cem'];
      const tokens = await Promise.all(users.map((sub) => hsToken({ sub })));
      const file = join(folder, 'tokens');
      writeFileSync(file, [...tokens, await hsToken({ sub: 'board', scope: 'presence:read' })].join('\n'));
      const small = ['--players', '3', '--screens', '1', '--ramp', '0', '--hold', '1s', '--dashboards', 'all'];
      const listed = await load([...urlOf(server), ...small, '--tokens', file]);
      expect([listed.code, listed.report.errors, listed.report.latencies.welcome?.count]).toEqual([0, {}, 3]);
      expect(listed.report.counts['checked.changes']).toBeGreaterThan(5);

      // The same token for everybody is of another user than most say they are.
      const asked = await load([...urlOf(server), ...small, '--token-command', 'echo $TOKEN'], {
        TOKEN: await hsToken({ sub: 'ann', scope: 'presence:player presence:read' }),
      });
      expect(asked.report.errors).toEqual({ forbidden: 3 });
    },
    TEST_MS,
  );

  test(
    'what is required sets the exit code',
    async () => {
      const server = await start();
      const argv = [...urlOf(server), '--players', '5', '--ramp', '0', '--hold', '1s'];
      const { code, report, errors } = await load([...argv, '--require', 'welcome.p99<0ms', '--require', 'acts>=5']);
      expect([code, report.requirements.map(({ isMet }) => isMet)]).toEqual([1, [false, true]]);
      expect(errors).toMatch(/required +welcome\.p99<0ms: .* MISSED/);
    },
    TEST_MS,
  );

  test(
    'a server that goes away makes errors and no end without a summary',
    async () => {
      const server = await start();
      const argv = [
        ...urlOf(server),
        '--players',
        '20',
        '--ramp',
        '0',
        '--hold',
        '6s',
        '--mix',
        'switch=1',
        '--json',
        '-',
      ];
      const run = startLoad([...argv, '--require', 'errors<1%']);
      await run.shows(/ s +hold +players/);
      await server.stop(0);
      const { code, report } = await run.over;
      expect([code, report.closes]).toEqual([1, { 1001: 20 }]);
      expect(report.errors.connect_ECONNREFUSED).toBeGreaterThan(20);
      expect(report.leftBehind).toBe(20);
    },
    TEST_MS,
  );

  test(
    'the same seed plays the same plan, with one process and with three',
    async () => {
      const server = await start();
      const argv = [...urlOf(server), ...SHORT];
      const one = await load([...argv, '--processes', '1']);
      const three = await load([...argv, '--processes', '3']);
      expect(one.report.counts.acts).toBe(three.report.counts.acts);
      expect(one.report.latencies.switch?.count).toBe(three.report.latencies.switch?.count);
    },
    TEST_MS,
  );

  test(
    'writes a row for each second, and metrics',
    async () => {
      const server = await start();
      const [csv, prometheus] = [join(folder, 'csv'), join(folder, 'prom')];
      const argv = [...urlOf(server), '--players', '5', '--ramp', '1s', '--hold', '2s'];
      await load([...argv, '--csv', csv, '--prometheus', prometheus]);
      const [head, ...rows] = readFileSync(csv, 'utf8').trim().split('\n');
      expect(head).toMatch(/^second,phase,players,/);
      expect(rows.length).toBeGreaterThanOrEqual(4);
      const text = readFileSync(prometheus, 'utf8');
      expect(text).toMatch(/^presence_load_latency_seconds\{name="welcome",quantile="0.999"\} [\d.e-]+$/m);
      expect(text).toMatch(/^presence_load_acts_total \d+$/m);
    },
    TEST_MS,
  );
});

test.each([
  [['--url', 'ws://127.0.0.1:1'], 'no WebSocket at ws://127.0.0.1:1/ws: nothing listens there'],
  [['--url', 'ws://127.0.0.1:1', '--playrs', '1'], 'did you mean --players?'],
])('%j: one line of words, and exit code 2', async (argv, words) => {
  const { code, errors, output } = await startLoad(argv).over;
  expect([code, output, errors.trim().split('\n').length]).toEqual([2, '', 1]);
  expect(errors).toContain(words);
});

test('a dry run prints the plan and touches nothing', async () => {
  const { code, output } = await startLoad([
    '--url',
    'ws://127.0.0.1:1',
    '--dry-run',
    '--storm',
    'deploy',
    '--mix',
    'switch=1',
  ]).over;
  expect(code).toBe(0);
  expect(output).toMatch(/reconnect \(storm\) +100\n/);
});
