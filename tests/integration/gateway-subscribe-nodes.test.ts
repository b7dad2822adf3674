/** Dashboards over several nodes and through loss: what a client puts together from the messages is the truth. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import { Dashboard, TopicView } from '../support/dashboard.ts';
import { Player } from '../support/player.ts';
import { startRedis, type TestRedis } from '../support/redis-server.ts';
import { beginWithoutSeed } from '../support/redis-stores.ts';
import { startTestServer, type TestServer, until } from '../support/servers.ts';

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

const servers: TestServer[] = [];
let REDIS_PREFIX = '';
const node = async (env: Record<string, string> = {}): Promise<TestServer> => {
  const server = await startTestServer({ PRESENCE_SHARDS: '4', ...env });
  servers.push(server);
  return server;
};
const shared = (env: Record<string, string> = {}): Promise<TestServer> =>
  node({ REDIS_URL: redis.url, REDIS_PREFIX, ...env });
const fresh = (): void => {
  REDIS_PREFIX = redis.prefix();
};
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.stop(0)));
});

const USERS = Array.from({ length: 12 }, (_, i) => `u${i}`);
const STREAMS = ['tnt', 'espn', 'abc'];
const pick = <T>(items: readonly T[]): T => items[Math.floor(Math.random() * items.length)] as T;

/** One random act of a random user: open, switch, leave or kick; sometimes a socket that comes and vanishes. */
async function act(server: TestServer): Promise<void> {
  const userId = pick(USERS);
  const sessionId = pick(['a', 'b', 'c', 'd']);
  const url = `http://127.0.0.1:${server.httpPort}`;
  const dice = Math.random();
  if (dice < 0.6)
    await server.post('/heartbeat', { userId, sessionId, streamId: pick(STREAMS), fresh: Math.random() < 0.5 });
  else if (dice < 0.8) {
    const init = { method: 'DELETE', headers: { 'content-type': 'application/json' } };
    await fetch(`${url}/heartbeat`, { ...init, body: JSON.stringify({ userId, sessionId }) });
  } else if (dice < 0.9) await fetch(`${url}/sessions/${userId}/${sessionId}`, { method: 'DELETE' });
  else {
    const [player] = await Player.hello(server.wsPort, { userId, streamId: pick(STREAMS) });
    await (Math.random() < 0.5 ? player.leave() : player.vanish());
  }
}

async function truth(server: TestServer): Promise<string[]> {
  const replies = await Promise.all(USERS.map((userId) => server.get(`/concurrency/user/${userId}`)));
  return replies
    .flatMap(({ body }) =>
      (body.sessions as { sessionId: string; streamId?: string }[]).map(
        (s) => `${body.userId}/${s.sessionId}=${s.streamId ?? ''}`,
      ),
    )
    .sort();
}

const shown = (topic: string, rows: readonly string[]): string[] => {
  const [kind, subject] = topic.split(/:(.*)/) as [string, string];
  if (kind === 'stream') return rows.filter((row) => row.endsWith(`=${subject}`));
  if (kind.startsWith('user')) return rows.filter((row) => subject.split(',').includes(row.split('/')[0] as string));
  return [...rows];
};

describe('[W24] [W25] [W26] the view from snapshot and changes is the truth, each change once, through reconnects', () => {
  const TOPICS = ['all', 'stream:tnt', 'users:u0,u1,u2,u3,nobody'];
  /** Of users in a few of 64 shards, so that a node reads more and more of them. */
  const FEW = ['user:u0', 'users:u1,u2', 'user:u3', 'user:u4', 'users:u5,u6,u7', 'user:u8'];

  test.each([
    ['two nodes on Redis', 'uws', 2, TOPICS, '4'],
    ['two nodes on Redis', 'ws', 2, TOPICS, '4'],
    ['two nodes on Redis, few users', 'ws', 2, FEW, '64'],
    ['one node in memory', 'uws', 1, TOPICS, '4'],
  ] as const)('%s, %s', async (_, TRANSPORT, nodes, topics, PRESENCE_SHARDS) => {
    fresh();
    const env = { TRANSPORT, MAX_STREAMS: '6', RESUME_GRACE_MS: '100', PRESENCE_SHARDS };
    const mine = nodes === 2 ? await Promise.all([shared(env), shared(env)]) : [await node(env)];
    for (let round = 0; round < 3; round++) {
      let busy = true;
      const churn = Promise.all(
        Array.from({ length: 6 }, async () => {
          while (busy) await act(pick(mine));
        }),
      );
      const views = topics.flatMap((topic) => [new TopicView(topic), new TopicView(topic)]);
      let dashboards: Dashboard[] = [];
      for (let connect = 0; connect < 8; connect++) {
        await Promise.all(dashboards.map((dashboard) => dashboard.close()));
        dashboards = await Promise.all(views.map(() => Dashboard.open(pick(mine).wsPort)));
        await Promise.all(views.map((view, i) => dashboards[i]?.subscribe(view.topic, {}, view)));
        await Promise.all(Array.from({ length: 10 }, () => act(pick(mine))));
      }
      busy = false;
      await churn;
      // Quiet: what vanished has timed out.
      let rows: string[] = [];
      await until(async () => {
        rows = await truth(pick(mine));
        return views.every((view) => JSON.stringify(view.rows()) === JSON.stringify(shown(view.topic, rows)));
      });
      expect(rows.length).toBeGreaterThan(0);
      expect(views.flatMap((view) => view.faults)).toEqual([]);
      await Promise.all(dashboards.map((dashboard) => dashboard.close()));
    }
  });
});

test('[P11] a node whose topics are of a few users reads their shards only, and all once somebody wants all', async () => {
  fresh();
  const admin = new Redis(redis.port);
  // With a seed two users are in one shard at times.
  await beginWithoutSeed(redis.url, REDIS_PREFIX, 64);
  // Before others send anything: ioredis fails on what comes together with the reply.
  const monitor = await admin.monitor();
  const server = await shared({ PRESENCE_SHARDS: '64' });
  let keysRead: number[] = [];
  monitor.on('monitor', (_: string, [command, ...args]: string[]) => {
    if (command?.toLowerCase() !== 'xread' || !args.some((arg) => arg.startsWith(`{${REDIS_PREFIX}:`))) return;
    keysRead.push(args.filter((arg) => arg.endsWith(':log')).length);
  });
  const reads = async (keys: number): Promise<void> => {
    keysRead = [];
    await until(() => keysRead.includes(keys));
  };
  try {
    const dashboard = await Dashboard.open(server.wsPort);
    const [first, second, all] = ['user:u0', 'user:u1', 'all'].map((topic) => new TopicView(topic)) as [
      TopicView,
      TopicView,
      TopicView,
    ];
    const beat = (userId: string) => server.post('/heartbeat', { userId, sessionId: 'a', fresh: true });
    await dashboard.subscribe(first.topic, {}, first);
    await beat('u0');
    await until(() => first.rows().length === 1);
    await reads(1);
    expect(new Set(keysRead)).toEqual(new Set([1]));
    await dashboard.subscribe(second.topic, {}, second);
    await beat('u1');
    await until(() => second.rows().length === 1);
    await reads(2);
    for (const userId of USERS.slice(2)) await beat(userId);
    await dashboard.subscribe(all.topic, {}, all);
    await until(() => all.rows().length === USERS.length);
    await reads(64);
    for (const userId of USERS)
      await fetch(`http://127.0.0.1:${server.httpPort}/sessions/${userId}/a`, { method: 'DELETE' });
    await until(() => [first, second, all].every((view) => view.rows().length === 0));
    expect([first, second, all].flatMap((view) => view.faults)).toEqual([]);
  } finally {
    monitor.disconnect();
    admin.disconnect();
  }
});

test('only a node with subscribers reads the log, and only as long', async () => {
  fresh();
  const [a, b] = await Promise.all([shared(), shared()]);
  const client = new Redis(redis.url);
  /** Connections that wait in a read. */
  const readers = async (): Promise<number> =>
    ((await client.client('LIST')) as string).split('\n').filter((line) => / flags=\w*b.* cmd=xread /.test(line))
      .length;
  // Each node waits at its own inbox.
  await until(async () => (await readers()) === 2);
  const dashboards = await Promise.all([Dashboard.open(b.wsPort), Dashboard.open(b.wsPort)]);
  const views = await Promise.all(dashboards.map((dashboard) => dashboard.subscribe('user:u')));
  await until(async () => (await readers()) === 3);
  await a.post('/heartbeat', { userId: 'u', sessionId: 's', streamId: 'tnt' });
  await until(() => views.every((view) => view.rows().length === 1));
  await dashboards[0]?.player.ask({ type: 'unsubscribe', topic: 'user:u' });
  await until(async () => (await readers()) === 3);
  await dashboards[1]?.close();
  await until(async () => (await readers()) === 2);
  client.disconnect();
});

describe('a cursor that leads nowhere begins anew', () => {
  const opening = async (server: TestServer): Promise<TopicView> => {
    const dashboard = await Dashboard.open(server.wsPort);
    const view = await dashboard.subscribe('users:u1,u2');
    await until(() => view.cursor !== undefined);
    await dashboard.close();
    return view;
  };

  test.each(['memory', 'redis'] as const)('[W26] when the log is trimmed: %s', async (kind) => {
    fresh();
    const server = await (kind === 'redis' ? shared : node)({ LOG_MAX: '100', MAX_STREAMS: '100' });
    await server.post('/heartbeat', { userId: 'u1', sessionId: 'a', streamId: 'tnt' });
    const view = await opening(server);
    for (let i = 0; i < 600; i += 20) {
      const some = Array.from({ length: 20 }, (_, j) => `s${(i + j) % 60}`);
      await Promise.all(
        some.map((sessionId) => server.post('/heartbeat', { userId: 'u2', sessionId, streamId: `t${i}` })),
      );
    }
    const dashboard = await Dashboard.open(server.wsPort);
    await dashboard.subscribe(view.topic, {}, view);
    await until(() => view.rows().length === 61);
    expect(view.frames.filter((frame) => frame.type === 'subscribed').at(-1)).toMatchObject({ resumed: false });
    expect(view.faults).toEqual([]);
  });

  test('[W26] with 1,024 shards a cursor has at most 1,024 bytes, resumes, and is not trusted when it is too old', async () => {
    fresh();
    const server = await shared({ PRESENCE_SHARDS: '1024' });
    await server.post('/heartbeat', { userId: 'u1', sessionId: 'a', streamId: 'tnt' });
    const view = await opening(server);
    expect(view.cursor?.length).toBeLessThanOrEqual(1_024);
    const changed = async (count: number): Promise<void> => {
      for (let i = 0; i < count; i++) {
        await server.post('/heartbeat', { userId: 'u1', sessionId: 'a', streamId: `t${i % 2}` });
      }
    };
    const resumed = async (): Promise<boolean | undefined> => {
      const dashboard = await Dashboard.open(server.wsPort);
      await dashboard.subscribe(view.topic, {}, view);
      const rows = ['u1/a=t1'];
      await until(() => view.rows().join() === rows.join() && !view.paging && view.cursor !== '-');
      dashboard.player.socket.terminate();
      return view.frames.filter((frame) => frame.type === 'subscribed').at(-1)?.resumed;
    };
    await changed(20);
    expect(await resumed()).toBe(true);
    await changed(40);
    expect(await resumed()).toBe(false);
    expect(view.faults).toEqual([]);
  });

  test.each(['memory', 'redis'] as const)('[W26] when it is of a younger deployment: %s', async (kind) => {
    const start = kind === 'redis' ? shared : node;
    fresh();
    const server = await start();
    await server.post('/heartbeat', { userId: 'u3', sessionId: 'a', streamId: 'tnt' });
    fresh();
    const younger = await start();
    for (let i = 0; i < 20; i++) {
      await younger.post('/heartbeat', { userId: 'u1', sessionId: `s${i}`, streamId: 'tnt' });
    }
    const view = await opening(younger);
    const dashboard = await Dashboard.open(server.wsPort);
    await dashboard.subscribe(view.topic, {}, view);
    await server.post('/heartbeat', { userId: 'u2', sessionId: 'b', streamId: 'tnt' });
    await until(() => view.rows().join() === 'u2/b=tnt');
    expect(view.frames.filter((frame) => frame.type === 'subscribed').at(-1)).toMatchObject({ resumed: false });
  });

  test('[W24] [W26] when Redis was emptied; and whoever is subscribed then gets a fresh snapshot', async () => {
    fresh();
    const [a, b] = await Promise.all([shared(), shared()]);
    const [player] = await Player.hello(a.wsPort, { userId: 'u1', sessionId: 's', streamId: 'tnt' });
    await a.post('/heartbeat', { userId: 'u2', sessionId: 'b', streamId: 'tnt' });
    const gone = await opening(b);
    const live = await (await Dashboard.open(b.wsPort)).subscribe('all');
    await until(() => live.rows().length === 2);
    const client = new Redis(redis.url);
    await client.flushall();
    client.disconnect();
    // The socket's session is opened again by its node; the beat of the other never comes.
    await until(() => live.rows().join() === 'u1/s=tnt' && !live.paging);
    expect(live.frames.filter((frame) => frame.type === 'snapshot').length).toBeGreaterThan(1);
    const dashboard = await Dashboard.open(a.wsPort);
    await dashboard.subscribe(gone.topic, {}, gone);
    await until(() => gone.rows().join() === 'u1/s=tnt');
    expect(gone.frames.filter((frame) => frame.type === 'subscribed').at(-1)).toMatchObject({ resumed: false });
    await player.ask({ type: 'update', streamId: 'espn' });
    await until(() => live.rows().join() === 'u1/s=espn' && gone.rows().join() === 'u1/s=espn');
    expect([...live.faults, ...gone.faults]).toEqual([]);
  });
});

test('[W17] [W25] while Redis is away subscribers keep their place, new ones are refused', async () => {
  fresh();
  const server = await shared();
  const dashboard = await Dashboard.open(server.wsPort);
  const view = await dashboard.subscribe('all');
  await server.post('/heartbeat', { userId: 'u', sessionId: 'a', streamId: 'tnt' });
  await until(() => view.rows().length === 1);
  redis.process?.kill('SIGSTOP');
  const refused = { type: 'error', problem: { code: 'store_unavailable' } };
  for (const topic of ['stream:tnt', 'stats', 'user:u']) {
    expect(await dashboard.player.ask({ type: 'subscribe', topic })).toMatchObject(refused);
  }
  redis.process?.kill('SIGCONT');
  await until(async () => {
    const { status } = await server.post('/heartbeat', { userId: 'u', sessionId: 'b', streamId: 'tnt' });
    return status === 200 && view.rows().length === 2;
  });
  await dashboard.subscribe('user:u');
  expect(view.faults).toEqual([]);
});
