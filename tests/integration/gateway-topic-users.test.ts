/** Topics of many users: how many may be named, what they cost, and that they are heard of. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, describe, expect, test } from '@jest/globals';
import { LogFeed } from '../../gateway/node/log-feed.ts';
import { createReads } from '../../gateway/replica/reads.ts';
import { Hub } from '../../gateway/subscriptions/hub.ts';
import type { TopicSubscriber } from '../../gateway/subscriptions/topic-group.ts';
import { parseTopic, type Topic } from '../../gateway/subscriptions/topics.ts';
import { MemoryStore } from '../../presence-core/index.ts';
import { Dashboard } from '../support/dashboard.ts';
import { Player } from '../support/player.ts';
import { startTestServer, type TestServer, until } from '../support/servers.ts';

const users = (name: string, count: number): string =>
  `users:${Array.from({ length: count }, (_, i) => `${name}-${i}`).join()}`;

describe('[W23] [P14] users that topics may name', () => {
  let server: TestServer;
  afterEach(() => server.stop(0));

  test('are bounded for a socket and for a process, each refusal says so, and room comes back', async () => {
    server = await startTestServer({ TOPIC_USERS_PER_SOCKET: '100', TOPIC_USERS_PER_NODE: '150' });
    const open = async (): Promise<Player> => (await Player.hello(server.wsPort, { observe: true }))[0];
    const [a, b, c] = [await open(), await open(), await open()];
    const ask = (player: Player, topic: string, type = 'subscribe') => player.ask({ type, topic });
    expect(await ask(a, users('x', 60))).toMatchObject({ type: 'subscribed' });
    expect(await ask(a, users('x', 60))).toMatchObject({ type: 'subscribed' });
    expect(await ask(a, users('y', 41))).toMatchObject({
      type: 'error',
      problem: {
        code: 'invalid_request',
        errors: [{ path: '/topic', message: expect.stringContaining('at most 100 users') }],
      },
    });
    expect(await ask(a, users('y', 40))).toMatchObject({ type: 'subscribed' });
    // The same topic of another socket names nobody more.
    expect(await ask(b, users('x', 60))).toMatchObject({ type: 'subscribed' });
    expect(await ask(b, users('z', 40))).toMatchObject({ type: 'subscribed' });
    expect(await ask(b, 'stream:tnt')).toMatchObject({ type: 'subscribed' });
    await server.post('/heartbeat', { userId: 'x-59', sessionId: 's', streamId: 'tnt' });
    expect(await ask(c, users('w', 11))).toMatchObject({ type: 'error', problem: { code: 'overloaded', status: 503 } });
    expect(await ask(c, users('w', 10))).toMatchObject({ type: 'subscribed' });
    await ask(a, users('y', 40), 'unsubscribe');
    expect(await ask(c, users('v', 40))).toMatchObject({ type: 'subscribed' });
    const view = await (await Dashboard.open(server.wsPort)).subscribe(users('x', 60));
    await until(() => view.rows().join() === 'x-59/s=tnt');
    await server.post('/heartbeat', { userId: 'x-0', sessionId: 's', streamId: 'tnt' });
    await until(() => view.rows().length === 2);
  });
});

setFlagsFromString('--expose-gc');
const collect: () => void = runInNewContext('gc');

const socketless: TopicSubscriber = { mode: 'events', send() {}, deliver() {}, change() {}, restart() {} };

test('[P14] a user named by a topic costs at most 200 bytes, and no more by each other topic', async () => {
  const store = new MemoryStore();
  const hub = new Hub({
    store,
    feed: new LogFeed(store, { error: () => {} }),
    reads: createReads(store.reads, undefined),
    node: {
      isRestoring: false,
      isReturning: false,
      isAwaited: false,
      isSuspect: false,
      restored: async () => {},
      check: async () => {},
    },
    log: { error: () => {} },
    summaryIntervalMs: 60_000,
    autoIntervalAbove: 50,
    topicUsersPerSocket: 10_000,
    topicUsersPerNode: 1_000_000,
  });
  const join = (text: string) => hub.joinGroup(parseTopic(text) as Topic, socketless);
  const heap = (): number => {
    collect();
    return process.memoryUsage().heapUsed;
  };
  const warm = join(users('warm', 200));
  const before = heap();
  const names = Array.from({ length: 500 }, (_, i) => `a-name-of-a-user-${i}`);
  const groups = names.map((name) => join(users(name, 200)));
  const once = (heap() - before) / (500 * 200);
  expect(once).toBeLessThan(200);
  // As a second socket would write it, and in topics that differ by one user.
  for (const name of names) join(users(name, 200));
  for (const name of names) groups.push(join(users(name, 199)));
  const twice = (heap() - before) / (500 * 200) - once;
  expect(twice).toBeLessThan(200);
  for (const group of [warm, ...groups]) hub.leaveGroup(group, socketless);
});
