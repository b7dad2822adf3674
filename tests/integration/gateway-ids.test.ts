/** Ids of every look (P13) over sockets: players, resume, topics, changes, and the SDK. */
import { afterEach, describe, expect, test } from '@jest/globals';
import { usersTopic } from '../../gateway/protocol/users-topic.ts';
import { overBothStores } from '../support/both-stores.ts';
import { closeClients, playerOf, subscriptionOf } from '../support/clients.ts';
import { HOSTILE_IDS } from '../support/hostile-ids.ts';
import { type Frame, Player } from '../support/player.ts';
import { type TestServer, until } from '../support/servers.ts';

const at = (i: number): string => HOSTILE_IDS[i % HOSTILE_IDS.length] as string;
const namesOf = (i: number) => ({ userId: at(i), sessionId: at(i + 1), streamId: at(i + 2), deviceId: at(i + 3) });
const ALL = HOSTILE_IDS.map((_, i) => namesOf(i));
const textOf = ({ userId, sessionId, streamId }: { userId: string; sessionId: string; streamId?: string }): string =>
  JSON.stringify([userId, sessionId, streamId]);
const sorted = (sessions: Iterable<Parameters<typeof textOf>[0]>): string[] => [...sessions].map(textOf).sort();

afterEach(closeClients);

overBothStores((rig) => {
  const urlOf = (server: TestServer): string => `ws://127.0.0.1:${server.wsPort}/ws`;

  test('[P13] [W6] [W9] a hello, an update, a resume by token alone and a takeover are of exactly these ids', async () => {
    const server = await rig.start({ RESUME_GRACE_MS: '60000' });
    for (const names of ALL) {
      const { userId, sessionId, deviceId } = names;
      const [first, welcome] = await Player.hello(server.wsPort, names);
      expect(welcome).toMatchObject({ type: 'welcome', userId, sessionId, current: 1 });
      first.send({ type: 'update', id: 1, streamId: names.userId });
      expect(await first.next()).toEqual({ type: 'ok', id: 1 });
      await first.vanish();
      const [second, resumed] = await Player.hello(server.wsPort, { resume: welcome.resumeToken });
      expect(resumed).toMatchObject({ type: 'welcome', userId, sessionId, resumed: true });
      const path = `/concurrency/user?userId=${encodeURIComponent(userId)}`;
      const found = await fetch(`http://127.0.0.1:${server.httpPort}${path}`);
      expect(await found.json()).toMatchObject({ sessions: [{ sessionId, deviceId, streamId: userId }] });
      const [third, other] = await Player.hello(server.wsPort, { userId, sessionId: 'other', replace: [sessionId] });
      expect(other).toMatchObject({ type: 'welcome', current: 1 });
      expect(await second.next()).toMatchObject({ type: 'evicted', reason: 'replaced', by: { sessionId: 'other' } });
      third.send({ type: 'leave' });
      await third.closed;
    }
  });

  test('[P13] [W23] [W25] topics name exactly these ids, and views of the SDK keep them apart', async () => {
    const server = await rig.start();
    const url = urlOf(server);
    const here = (topic: string) => subscriptionOf({ url, topic });
    const all = here('all');
    const halves = [0, 1].map((half) => HOSTILE_IDS.filter((_, i) => i % 2 === half));
    // 16 KB of a message, and ids of 512 bytes: a half is named in two topics.
    const topics = halves.flatMap((ids) => [ids.slice(0, 50), ids.slice(50)]);
    const named = topics.map((ids) => here(usersTopic(ids)));
    const streams = HOSTILE_IDS.slice(0, 45).map((id) => here(`stream:${id}`));
    const players = ALL.map((names) => playerOf({ url, ...names }));
    await Promise.all(players.slice(0, 60).map((player) => player.connect()));
    await Promise.all([all, ...named, ...streams].map((subscription) => subscription.connect()));
    await Promise.all(players.slice(60).map((player) => player.connect()));
    await until(() => all.sessions.size === ALL.length);
    expect(sorted(all.sessions.values())).toEqual(sorted(ALL));
    expect(all.users).toBe(ALL.length);
    for (const [i, ids] of topics.entries()) {
      await until(() => named[i]?.sessions.size === ids.length);
      expect(sorted(named[i]?.sessions.values() ?? [])).toEqual(
        sorted(ALL.filter(({ userId }) => ids.includes(userId))),
      );
      for (const id of HOSTILE_IDS) expect(named[i]?.statusOf(id).online).toBe(ids.includes(id));
    }
    for (const [i, stream] of streams.entries()) {
      const there = ALL.filter(({ streamId }) => streamId === HOSTILE_IDS[i]);
      await until(() => stream.sessions.size === there.length);
      expect(sorted(stream.sessions.values())).toEqual(sorted(there));
    }
    await Promise.all(players.map((player) => player.leave()));
    await until(() => [all, ...named, ...streams].every(({ sessions }) => sessions.size === 0));
    expect(all.users).toBe(0);
  });

  test('[W23] ids of an array are taken as they are, and frames name the topic as text', async () => {
    const server = await rig.start();
    const ids = ['a,b', '100%', '%41', 'ann'];
    const [dashboard] = await Player.hello(server.wsPort, { observe: true });
    dashboard.send({ type: 'subscribe', id: 1, topic: 'users', ids, seen: true });
    const topic = 'users:a%2Cb,100%25,%2541,ann';
    const frames: Frame[] = [await dashboard.next(), await dashboard.next(), await dashboard.next()];
    expect(frames).toMatchObject([
      { type: 'subscribed', topic, resumed: false },
      ...[
        { type: 'seen', topic, users: ids.map((userId) => ({ userId })) },
        { type: 'snapshot', topic },
      ],
    ]);
    await Player.hello(server.wsPort, { userId: 'a', streamId: 'x' });
    await Player.hello(server.wsPort, { userId: 'a,b', streamId: 'x' });
    expect(await dashboard.next()).toMatchObject({ type: 'changes', topic, changes: [{ userId: 'a,b' }] });
    dashboard.send({ type: 'unsubscribe', id: 2, topic });
    expect(await dashboard.next()).toEqual({ type: 'ok', id: 2 });
  });
});

describe('[P13] what is no id', () => {
  overBothStores((rig) => {
    test('is told with the rule', async () => {
      const server = await rig.start();
      for (const userId of ['', '*', 'a b', 'a\u200d', 'x'.repeat(256), '€'.repeat(171)]) {
        const [, error] = await Player.hello(server.wsPort, { userId, streamId: 'x' });
        expect(error).toMatchObject({
          type: 'error',
          problem: {
            code: 'invalid_request',
            errors: [{ path: '/userId', message: expect.stringContaining('1–255') }],
          },
        });
      }
    });
  });
});
