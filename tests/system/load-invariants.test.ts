/** A server that breaks what the load tester insists on, by hand: each breach is found by the whole command. */
import { afterEach, expect, test } from '@jest/globals';
import type { ChangeView } from '../../gateway/protocol/messages.ts';
import { type LoadRun, load } from '../support/load-command.ts';
import type { Frame } from '../support/player.ts';
import { type ScriptedServer, startScriptedServer, welcome } from '../support/scripted-server.ts';

type Send = (message: object) => void;

/** What may go wrong with what a dashboard is told, and with what a player is answered. */
interface Breach {
  /** The changes to tell in place of one. @param number of all changes so far, from 1. */
  readonly told?: (change: ChangeView, number: number) => ChangeView[];
  readonly welcome?: object;
}

let server: ScriptedServer | undefined;
afterEach(() => server?.close());

/** A gateway of one dashboard, which is right but for the breach. */
async function loaded({ told = (change) => [change], welcome: more = {} }: Breach): Promise<LoadRun> {
  const dashboards: Send[] = [];
  const sessions = new Map<number, { userId: string; sessionId: string; streamId: string }>();
  let number = 0;
  server = await startScriptedServer((frame, send, socket, connection) => {
    const tell = (kind: ChangeView['kind'], { meta, streamId }: Frame): void => {
      const session = { ...(sessions.get(connection) as { userId: string; sessionId: string }), streamId };
      const change = { kind, ...session, meta, at: Date.now() } as ChangeView;
      const changes = told(change, ++number);
      for (const dashboard of dashboards) {
        if (changes.length > 0) dashboard({ type: 'changes', topic: 'all', changes, cursor: 'c' });
      }
    };
    if (frame.type === 'hello' && frame.observe) send(welcome(frame));
    else if (frame.type === 'hello') {
      const session = { userId: frame.userId as string, sessionId: `s${connection}`, streamId: 'a' };
      sessions.set(connection, session);
      send({ ...welcome({ ...frame, ...session }), ...more });
      tell('open', frame);
    } else if (frame.type === 'subscribe') {
      send({ type: 'subscribed', topic: 'all', resumed: false });
      send({ type: 'snapshot', topic: 'all', page: 0, last: true, sessions: [], cursor: 'c' });
      dashboards.push(send);
    } else if (frame.type === 'update') {
      send({ type: 'ok', id: frame.id });
      tell('update', frame);
    } else if (frame.type === 'leave') {
      tell('close', frame);
      socket.close(1_000);
    }
  });
  const argv = [
    '--players',
    '4',
    '--screens',
    '1',
    '--ramp',
    '0',
    '--hold',
    '1s',
    '--rate',
    '20/s',
    '--mix',
    'switch=1',
  ];
  return load(['--url', server.url, ...argv, '--dashboards', 'all']);
}

const isUpdate = ({ kind }: ChangeView): boolean => kind === 'update';
let held: ChangeView | undefined;

test('a server that keeps the rules is found to', async () => {
  const { code, report } = await loaded({});
  expect([code, report.violations, report.counts['checked.changes']]).toEqual([0, [], 28]);
});

test.each<[string, Breach, RegExp]>([
  [
    'one more than the limit is admitted',
    { welcome: { current: 4, max: 3 } },
    /^limit: .* was admitted as session 4 of 3$/,
  ],
  [
    'a change is told twice',
    { told: (change, number) => (number === 10 ? [change, change] : [change]) },
    /^all: change \d+ of .* told twice$/,
  ],
  [
    'a change is left out',
    { told: (change, number) => (number === 8 ? [] : [change]) },
    /^all: of \d+ changes of .* before \d+, \d+ were told$/,
  ],
  [
    'a change is told again after a later one',
    {
      told: (change, number) => {
        if (number === 5) held = change;
        return number === 22 && held ? [change, held] : [change];
      },
    },
    /^all: change \d+ of .* told (after \d+|twice)$/,
  ],
  [
    'the last changes are never told',
    { told: (change, number) => (isUpdate(change) && number > 20 ? [] : [change]) },
    /^all: of 24 changes that were made, 20 were told$/,
  ],
  [
    'nobody is told that a player left',
    { told: (change) => (change.kind === 'close' ? [] : [change]) },
    /^all: 4 sessions that ended are still in view, such as /,
  ],
  [
    'a player opens twice',
    { told: (change) => (change.kind === 'open' ? [change, change] : [change]) },
    /^all: .* opened twice$/,
  ],
])('%s: it is said, and the exit code is 1', async (_, breach, words) => {
  const { code, report, errors } = await loaded(breach);
  expect(code).toBe(1);
  expect(report.violations).toContainEqual(expect.stringMatching(words));
  expect(errors).toContain('BROKEN');
});

test('what waits for a late welcome counts from when it was due', async () => {
  const lateMs = 700;
  server = await startScriptedServer((frame, send, socket) => {
    if (frame.type === 'hello') setTimeout(() => send(welcome(frame)), lateMs);
    if (frame.type === 'update') send({ type: 'ok', id: frame.id });
    if (frame.type === 'leave') socket.close(1_000);
  });
  const argv = ['--players', '4', '--ramp', '0', '--hold', '1s', '--rate', '20/s', '--mix', 'switch=1'];
  const { report } = await load(['--url', server.url, ...argv]);
  // The first was due 25 ms after the players came.
  expect(report.latencies.switch?.maxMs).toBeGreaterThan(lateMs - 100);
  expect(report.latencies.switch?.count).toBe(20);
});

test('what is never answered is an error, and keeps nobody', async () => {
  server = await startScriptedServer((frame, send) => {
    if (frame.type === 'hello') send(welcome(frame));
  });
  const argv = [
    '--players',
    '2',
    '--ramp',
    '0',
    '--hold',
    '3s',
    '--rate',
    '4/s',
    '--mix',
    'switch=1',
    '--timeout',
    '1s',
  ];
  const { code, report } = await load(['--url', server.url, ...argv, '--require', 'errors<1%']);
  expect([code, report.leftBehind]).toEqual([1, 2]);
  expect(report.errors.timeout).toBeGreaterThan(2);
});
