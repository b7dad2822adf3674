/** What a subscription shows after the server lost data. */
import { expect, jest, test } from '@jest/globals';
import { PresenceSubscription, type SubscriptionFields } from '../../gateway/client/index.ts';
import { handPlayers } from '../support/hand-players.ts';

const { WebSocket, made, last, pass } = handPlayers();

async function live(fields: SubscriptionFields): Promise<PresenceSubscription> {
  const view = new PresenceSubscription({ url: 'ws://test/ws', WebSocket, ...fields });
  made.push(view);
  void view.connect();
  await pass(0);
  last().welcome();
  last().reply({ type: 'subscribed', id: last().sent[1]?.id, topic: view.topic, resumed: false });
  return view;
}

const session = { userId: 'ann', sessionId: 's', via: 'socket', startedAt: 1 };

test('[W24] after a degraded snapshot it says so, until one without the mark', async () => {
  const view = await live({ topic: 'all' });
  const page = { type: 'snapshot', topic: 'all', cursor: 'c' };
  expect([view.degraded, view.status.degraded]).toEqual([false, false]);
  last().reply({ ...page, page: 0, last: false, sessions: [session] });
  last().reply({ ...page, page: 1, last: true, sessions: [], degraded: true });
  expect([view.degraded, view.status.degraded, view.users]).toEqual([true, true, 1]);
  const changes = [{ kind: 'open', ...session, userId: 'bob', at: 2 }];
  last().reply({ type: 'changes', topic: 'all', changes, cursor: 'd' });
  expect([view.status.degraded, view.users]).toEqual([true, 2]);
  const told = jest.fn();
  view.on('state', ({ degraded }) => told(degraded));
  last().reply({ ...page, page: 0, last: true, sessions: [session] });
  expect([view.status.degraded, told.mock.calls]).toEqual([false, [[false]]]);
});

test('[W24] a connection lost meanwhile is followed by a snapshot: what is missing does not come by a cursor', async () => {
  const view = await live({ topic: 'all' });
  const snapshot = { type: 'snapshot', topic: 'all', page: 0, last: true, sessions: [], cursor: 'c' };
  last().reply({ ...snapshot, degraded: true });
  last().end(1001);
  expect(view.status).toMatchObject({ isReady: true, degraded: true });
  await pass(0);
  last().welcome();
  expect(last().sent[1]).toMatchObject({ type: 'subscribe', topic: 'all' });
  expect(last().sent[1]).not.toHaveProperty('cursor');
  last().reply({ type: 'subscribed', id: last().sent[1]?.id, topic: 'all', resumed: false });
  last().reply(snapshot);
  last().end(1001);
  await pass(1_000);
  last().welcome();
  expect(last().sent[1]).toMatchObject({ cursor: 'c' });
});

test('[W27] [W28] so with summaries and statistics: each says it of itself', async () => {
  const view = await live({ topic: 'stream:tnt', mode: 'interval' });
  const stats = { users: 1, sessions: 1 };
  const snapshot = { type: 'snapshot', topic: 'stream:tnt', page: 0, last: true, stats, cursor: '-' };
  const interval = { type: 'interval', topic: 'stream:tnt', ...stats, opened: 0, closed: 0, cursor: '-' };
  last().reply({ ...snapshot, degraded: true });
  expect(view.status).toMatchObject({ degraded: true, count: stats });
  last().reply(interval);
  expect(view.status.degraded).toBe(false);
  last().reply({ ...interval, degraded: true });
  expect(view.status.degraded).toBe(true);
  last().reply(snapshot);
  expect(view.status.degraded).toBe(false);
});
