/** The SDK's dashboard against the real gateway, on both transports. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { PresenceClient } from '../../gateway/client/presence-client.ts';
import type { PresenceSubscription } from '../../gateway/client/presence-subscription.ts';
import type { PresenceSubscriptionOptions } from '../../gateway/client/subscription-events.ts';
import { closeClients, next, playerOf, subscriptionOf } from '../support/clients.ts';
import { FaultProxy } from '../support/fault-proxy.ts';
import { startTestServer, type TestServer, until } from '../support/servers.ts';

describe.each(['uws', 'ws'])('transport %s', (TRANSPORT) => {
  let server: TestServer;
  let url: string;
  beforeEach(async () => {
    server = await startTestServer({ TRANSPORT });
    url = `ws://127.0.0.1:${server.wsPort}/ws`;
  });
  afterEach(async () => {
    closeClients();
    await server.stop(0);
  });
  const player = async (userId: string, streamId: string, sessionId = 's'): Promise<PresenceClient> => {
    const client = playerOf({ url, userId, sessionId, streamId });
    await client.connect();
    return client;
  };
  const subscribe = async (topic: string, more: Partial<PresenceSubscriptionOptions> = {}) => {
    const subscription = subscriptionOf({ url, topic, ...more });
    await subscription.connect();
    return subscription;
  };
  const streams = (subscription: PresenceSubscription) =>
    Object.fromEntries([...subscription.sessions].map(([key, session]) => [key, session.streamId]));

  test('[P11] [W24] [W25] sessions are those of the snapshot, then follow the changes; a switch is seen by both streams', async () => {
    const ann = await player('ann', 'tnt');
    const [all, tnt, espn] = [await subscribe('all'), await subscribe('stream:tnt'), await subscribe('stream:espn')];
    expect([streams(all), streams(tnt), streams(espn)]).toEqual([{ 'ann/s': 'tnt' }, { 'ann/s': 'tnt' }, {}]);
    await player('bob', 'tnt');
    await player('bob', 'espn', 's2');
    await ann.setStream('espn');
    await until(() => all.sessions.size === 3 && tnt.sessions.size === 1 && espn.sessions.size === 2);
    expect(streams(all)).toEqual({ 'ann/s': 'espn', 'bob/s': 'tnt', 'bob/s2': 'espn' });
    expect(streams(tnt)).toEqual({ 'bob/s': 'tnt' });
    expect(streams(espn)).toEqual({ 'ann/s': 'espn', 'bob/s2': 'espn' });
    expect([all.users, tnt.users, espn.users]).toEqual([2, 1, 2]);
    expect(all.complete).toBe(true);
    await ann.leave();
    await until(() => all.sessions.size === 2 && espn.sessions.size === 1);
  });

  test('[W25] [W26] for await gives each change once, across a lost connection, and ends with close', async () => {
    const proxy = await FaultProxy.to(server.wsPort);
    const subscription = await subscribe('user:ann', { url: `ws://127.0.0.1:${proxy.port}/ws` });
    const seen: string[] = [];
    const reading = (async () => {
      for await (const change of subscription) {
        seen.push(change.kind === 'resync' ? 'resync' : `${change.kind} ${change.streamId}`);
        if (change.kind === 'close') subscription.close();
      }
    })();
    const ann = await player('ann', 'tnt');
    const ready = next(subscription, 'ready');
    proxy.cut();
    await ann.setStream('espn');
    expect(await ready).toEqual({ resumed: true });
    await ann.leave();
    await reading;
    expect(seen).toEqual(['open tnt', 'update espn', 'close espn']);
    expect(subscription.state).toBe('closed');
    await proxy.close();
  });

  test('[W26] a cursor goes on in another subscription; one of another deployment begins anew', async () => {
    const first = await subscribe('all');
    const changed = next(first, 'change');
    const ann = await player('ann', 'tnt');
    await changed;
    const { cursor } = first;
    first.close();
    await ann.setStream('espn');
    const later = subscriptionOf({ url, topic: 'all', cursor: cursor as string });
    const change = next(later, 'change');
    const ready = next(later, 'ready');
    await later.connect();
    expect(await ready).toEqual({ resumed: true });
    expect(await change).toMatchObject({ kind: 'update', previous: { streamId: 'tnt' }, streamId: 'espn' });
    expect(later.complete).toBe(false);
    const stranger = await subscribe('all', { cursor: 'of-another-deployment' });
    expect(streams(stranger)).toEqual({ 'ann/s': 'espn' });
  });

  test('a server that forgot everything: the map is replaced as a whole, readers are told', async () => {
    await player('ann', 'tnt');
    const proxy = await FaultProxy.to(server.wsPort);
    const subscription = await subscribe('all', { url: `ws://127.0.0.1:${proxy.port}/ws` });
    const changes = subscription[Symbol.asyncIterator]();
    const old = subscription.sessions;
    const resync = next(subscription, 'resync');
    await proxy.close();
    const other = await startTestServer({ TRANSPORT });
    try {
      await playerOf({ url: `ws://127.0.0.1:${other.wsPort}/ws`, userId: 'bob', sessionId: 's' }).connect();
      await proxy.open(other.wsPort);
      await resync;
      await until(() => subscription.sessions.has('bob/s'));
      expect([...subscription.sessions.keys()]).toEqual(['bob/s']);
      expect([...old.keys()]).toEqual(['ann/s']);
      expect(await changes.next()).toMatchObject({ value: { kind: 'resync' } });
      await proxy.close();
    } finally {
      await other.stop(0);
    }
  });

  test('[W27] [W28] statistics and summaries', async () => {
    await player('ann', 'tnt');
    const stats = await subscribe('stats');
    expect(stats.stats).toMatchObject({ users: 1, sessions: 1 });
    const summary = await subscribe('stream:tnt', { mode: 'interval' });
    expect(await next(summary, 'interval')).toMatchObject({ topic: 'stream:tnt', users: 1, sessions: 1 });
    expect(summary.interval).toMatchObject({ sessions: 1 });
    expect(summary.complete).toBe(false);
  });

  test('[W23] what is no topic is refused for good', async () => {
    for (const topic of ['nonsense', 'stream:', 'user:a b']) {
      await expect(subscribe(topic)).rejects.toMatchObject({ code: 'invalid_request', problem: { status: 400 } });
    }
  });
});
