/** What a tab that shares the socket of another is told, with tabs, a clock and a server that the test moves by hand. */
import { afterEach, expect, test } from '@jest/globals';
import { PresenceConnection } from '../../gateway/client/presence-connection.ts';
import { PresenceSubscription } from '../../gateway/client/presence-subscription.ts';
import type { SubscriptionFields } from '../../gateway/client/subscription-events.ts';
import { sharedWebSocket } from '../../gateway/client/tabs.ts';
import { handPlayers } from '../support/hand-players.ts';
import type { Frame } from '../support/player.ts';

const { WebSocket, made, sockets, pass, last } = handPlayers();
const URL = 'ws://test/ws';
const COUNTS = { topic: 'stream:tnt', mode: 'interval' } as const;

/** As the tabs of one browser: what one of them posts, the others get. */
let tabs = 0;
const channels = new Set<Channel>();
class Channel {
  onmessage: ((event: { data: unknown }) => void) | null = null;
  readonly tab = tabs;
  constructor() {
    channels.add(this);
  }
  postMessage(data: unknown): void {
    for (const other of channels) {
      if (other !== this) void Promise.resolve().then(() => other.onmessage?.({ data: structuredClone(data) }));
    }
  }
}
/** Of those who ask for a lock the first has it, until it is done or its tab is gone; then the next. */
const holders = new Map<string, number>();
let requests: { readonly name: string; readonly tab: number; readonly hold: () => Promise<unknown> }[] = [];
function grant(): void {
  for (const request of requests) {
    const { name, tab, hold } = request;
    if (holders.has(name)) continue;
    requests = requests.filter((other) => other !== request);
    holders.set(name, tab);
    void hold().then(() => {
      holders.delete(name);
      grant();
    });
  }
}
const locksOf = (tab: number) => ({
  request: (name: string, hold: () => Promise<unknown>) => {
    requests.push({ name, tab, hold });
    void Promise.resolve().then(grant);
    return new Promise(() => {});
  },
});
/** Without a word; the browser gives its locks to others. */
function crash(tab: number): void {
  for (const channel of channels) if (channel.tab === tab) channels.delete(channel);
  requests = requests.filter((request) => request.tab !== tab);
  for (const [name, holder] of holders) if (holder === tab) holders.delete(name);
  grant();
}
const { BroadcastChannel: ownChannel, navigator: ownNavigator } = globalThis as Record<string, unknown>;
function browser(of: object): void {
  for (const [name, value] of Object.entries(of)) {
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  }
}
afterEach(() => {
  browser({ BroadcastChannel: ownChannel, navigator: ownNavigator });
  channels.clear();
  holders.clear();
  requests = [];
  tabs = 0;
});

type Fields = Pick<SubscriptionFields, 'topic' | 'mode' | 'seen'>;
const tabOf = (): PresenceConnection => {
  tabs += 1;
  browser({ BroadcastChannel: Channel, navigator: { locks: locksOf(tabs) } });
  return new PresenceConnection({ url: URL, WebSocket: sharedWebSocket({ url: URL, WebSocket, name: 'all' }) });
};

/** A subscription, by default in a tab of its own. */
async function tab(fields: Fields, on = tabOf()): Promise<PresenceSubscription> {
  const view = new PresenceSubscription({ on, ...fields });
  made.push(view);
  void view.connect();
  await pass(10);
  return view;
}

/** What the tab that has the socket asked for, and gave up. */
const asked = () => last().sent.flatMap(({ type, topic }) => (type === 'hello' ? [] : [`${type} ${topic}`]));

/** Of the tab that has the socket: the server answers what it subscribes to. */
async function serve(snapshot: object): Promise<void> {
  if (last().sent.length === 0) last().welcome();
  await pass(0);
  const { id, topic } = last().sent.at(-1) as Frame;
  last().reply({ type: 'subscribed', id, topic, resumed: false });
  last().reply({ type: 'snapshot', topic, page: 0, last: true, cursor: 'c', ...snapshot });
  await pass(0);
}

const shown = (...tabs: PresenceSubscription[]) =>
  tabs.map(({ status: { count, degraded } }) => [count?.users, count?.sessions, degraded]);

test('[W27] a tab that comes late gets the counts of now, not those of the first tab’s snapshot', async () => {
  const first = await tab(COUNTS);
  await serve({ stats: { users: 1, sessions: 1 } });
  last().reply({ type: 'interval', topic: 'stream:tnt', users: 7, sessions: 9, opened: 8, closed: 0, cursor: '-' });
  await pass(0);
  const second = await tab(COUNTS);
  expect(shown(first, second)).toEqual([
    [7, 9, false],
    [7, 9, false],
  ]);
  expect([sockets.length, last().sent.length]).toEqual([1, 2]);
});

test('[W24] what the server lost is told to each tab, also to one that comes late, and so is that it is whole again', async () => {
  const first = await tab({ topic: 'all' });
  await serve({ sessions: [], degraded: true });
  const second = await tab({ topic: 'all' });
  expect(shown(first, second)).toEqual([
    [0, 0, true],
    [0, 0, true],
  ]);
  const sessions = [{ userId: 'ann', sessionId: 's', via: 'socket', startedAt: 1 }];
  last().reply({ type: 'snapshot', topic: 'all', page: 0, last: true, cursor: 'd', sessions });
  await pass(0);
  expect(shown(first, second)).toEqual([
    [1, 1, false],
    [1, 1, false],
  ]);
  expect(sockets).toHaveLength(1);
});

test('[W24] [W27] so with counts', async () => {
  const first = await tab(COUNTS);
  await serve({ stats: { users: 1, sessions: 1 }, degraded: true });
  const second = await tab(COUNTS);
  expect(shown(first, second).map(([, , degraded]) => degraded)).toEqual([true, true]);
  const interval = { type: 'interval', topic: 'stream:tnt', users: 2, sessions: 2, opened: 1, closed: 0, cursor: '-' };
  last().reply(interval);
  await pass(0);
  const third = await tab(COUNTS);
  expect(shown(first, second, third)).toEqual([
    [2, 2, false],
    [2, 2, false],
    [2, 2, false],
  ]);
});

const ANN = { userId: 'ann', sessionId: 's', streamId: 'tnt', via: 'socket', startedAt: 1 };

test('a tab that wants changes, after one that wants counts: both get them, and the first stays as it is', async () => {
  const first = await tab(COUNTS);
  await serve({ stats: { users: 1, sessions: 1 } });
  const lost: unknown[] = [];
  first.on('disconnected', (how) => lost.push(how));
  const second = await tab({ topic: 'stream:tnt' });
  expect(shown(first)).toEqual([[1, 1, false]]);
  await serve({ sessions: [ANN] });
  expect(shown(first, second)).toEqual([
    [1, 1, false],
    [1, 1, false],
  ]);
  expect([lost, sockets.length, [...second.sessions.keys()]]).toEqual([[], 1, ['ann/s']]);
  second.close();
  await pass(0);
  expect([first.state, last().closedBy]).toEqual(['live', undefined]);
  first.close();
  await pass(0);
  expect(last().closedBy).toBe(1000);
});

test('a tab that asks when others were last seen, after one that does not, is told', async () => {
  const topic = 'users:ann,bob';
  const first = await tab({ topic });
  await serve({ sessions: [ANN] });
  const second = await tab({ topic, seen: true });
  expect(last().sent.at(-1)).toMatchObject({ type: 'subscribe', topic, seen: true });
  await serve({ sessions: [ANN] });
  last().reply({ type: 'seen', topic, users: [{ userId: 'bob', lastSeenAt: 5 }] });
  await pass(0);
  expect(second.statusOf('bob')).toEqual({ online: false, lastSeenAt: 5 });
  expect(shown(first)).toEqual([[1, 1, false]]);
});

test('a tab that lets the server choose leaves it the choice', async () => {
  await tab({ topic: 'all', mode: 'auto' });
  last().welcome();
  await pass(0);
  expect(last().sent.at(-1)).toMatchObject({ type: 'subscribe', mode: 'auto' });
});

test('what only a tab watched that crashed is watched no more, and what others watch is', async () => {
  const first = await tab({ topic: 'all' });
  await serve({ sessions: [] });
  const second = await tab({ topic: 'all' });
  await tab({ topic: 'stream:tnt' }, second.connection);
  await serve({ sessions: [ANN] });
  crash(2);
  await pass(0);
  expect(asked()).toEqual(['subscribe all', 'subscribe stream:tnt', 'unsubscribe stream:tnt']);
  expect([first.state, shown(first)]).toEqual(['live', [[0, 0, false]]]);
});

test('a tab of an earlier build, which holds no lock, is not taken for gone', async () => {
  await tab({ topic: 'all' });
  await serve({ sessions: [] });
  tabs += 1;
  new Channel().postMessage({ from: 'old.1', frame: { type: 'subscribe', id: '1', topic: 'stream:tnt' } });
  await pass(1_000);
  expect(asked()).toEqual(['subscribe all', 'subscribe stream:tnt']);
});

test('a leader that crashes in the middle of a hello: the next one answers it', async () => {
  await tab({ topic: 'all' });
  await serve({ sessions: [] });
  const second = tab({ topic: 'all' });
  crash(1);
  const view = await second;
  await serve({ sessions: [ANN] });
  expect([shown(view), sockets.length]).toEqual([[[1, 1, false]], 2]);
});

test('a socket that the relay ends, as the server takes one topic back, is forgotten in all of them', async () => {
  const first = await tab({ topic: 'all' });
  await serve({ sessions: [] });
  const second = await tab({ topic: 'stream:tnt' });
  await serve({ sessions: [ANN] });
  const other = await tab({ topic: 'user:ann' }, second.connection);
  await serve({ sessions: [ANN] });
  last().end(1006);
  await pass(1_000);
  last().welcome();
  await pass(0);
  const problem = { status: 403, code: 'forbidden', detail: 'no more' };
  const answer = (): void => {
    for (const { type, id, topic } of last().sent.splice(0)) {
      if (type !== 'subscribe') continue;
      last().reply(
        topic === 'user:ann' ? { type: 'error', id, problem } : { type: 'subscribed', id, topic, resumed: true },
      );
    }
  };
  for (let i = 0; i < 20; i++) {
    answer();
    await pass(100);
  }
  expect([first.state, second.state, other.status]).toMatchObject(['live', 'live', { error: { code: 'forbidden' } }]);
  second.close();
  await pass(0);
  expect(asked()).toContain('unsubscribe stream:tnt');
});
