/** Several users of one connection, by a clock and a server that the test moves by hand. */
import { afterEach, expect, jest, test } from '@jest/globals';
import { PresenceClient } from '../../gateway/client/presence-client.ts';
import { PresenceConnection } from '../../gateway/client/presence-connection.ts';
import { PresenceSubscription } from '../../gateway/client/presence-subscription.ts';
import { handPage } from '../support/hand-page.ts';
import type { HandSocket } from '../support/hand-socket.ts';

const made: { close(): void }[] = [];
afterEach(() => {
  for (const client of made.splice(0)) client.close();
});
const { WebSocket, sockets } = handPage();
const pass = (ms: number): Promise<void> => jest.advanceTimersByTimeAsync(ms);
const last = (): HandSocket => sockets.at(-1) as HandSocket;
const kinds = (socket: HandSocket | undefined) => socket?.sent.map(({ type, topic }) => topic ?? type);

function connection(): PresenceConnection {
  return new PresenceConnection({ url: 'ws://test/ws', WebSocket });
}
function playerOn(on: PresenceConnection): PresenceClient {
  const player = new PresenceClient({ on, userId: 'u' });
  made.push(player);
  return player;
}
function viewOn(on: PresenceConnection, topic: string): PresenceSubscription {
  const view = new PresenceSubscription({ on, topic });
  made.push(view);
  return view;
}
/** Answers each subscription that waits. */
function serve(cursor = 'c'): void {
  for (const { type, id, topic } of last().sent) {
    if (type !== 'subscribe') continue;
    last().reply({ type: 'subscribed', id, topic, resumed: false });
    last().reply({ type: 'snapshot', topic, page: 0, last: true, sessions: [], cursor });
  }
}

test('a player and its subscriptions have one socket, which closes with the last of them', async () => {
  const on = connection();
  const [player, all, tnt] = [playerOn(on), viewOn(on, 'all'), viewOn(on, 'stream:tnt')];
  const connected = Promise.all([all.connect(), player.connect(), tnt.connect()]);
  await pass(0);
  last().welcome();
  serve();
  await connected;
  expect([sockets.length, kinds(last())]).toEqual([1, ['hello', 'all', 'stream:tnt']]);
  expect(last().sent[0]).not.toHaveProperty('observe');
  tnt.close();
  expect(last().sent.at(-1)).toEqual({ type: 'unsubscribe', topic: 'stream:tnt' });
  expect([last().closedBy, on.state]).toEqual([undefined, 'live']);
  player.close();
  await pass(0);
  last().welcome();
  expect([sockets.length, last().sent[0]?.observe, all.state]).toEqual([2, true, 'live']);
  all.close();
  expect([last().closedBy, on.state]).toEqual([1000, 'idle']);
});

test('a player that comes later says its own hello; subscriptions go on by their cursors', async () => {
  const on = connection();
  const [player, all] = [playerOn(on), viewOn(on, 'all')];
  void all.connect();
  await pass(0);
  last().welcome();
  serve('place');
  void player.connect();
  await pass(0);
  last().welcome();
  expect([sockets.length, sockets[0]?.closedBy]).toEqual([2, 1000]);
  expect(last().sent).toMatchObject([
    { type: 'hello', userId: 'u' },
    { topic: 'all', cursor: 'place' },
  ]);
  expect(() => playerOn(on).connect()).toThrow(TypeError);
});

test('one connection takes one player, also while it connects', async () => {
  const on = connection();
  void playerOn(on).connect();
  expect(() => playerOn(on).connect()).toThrow('one player each');
  await pass(0);
  last().welcome();
  expect(() => playerOn(on).connect()).toThrow('one player each');
});

test('what ends the player for good leaves the others', async () => {
  const on = connection();
  const [player, all] = [playerOn(on), viewOn(on, 'all')];
  void all.connect();
  void player.connect();
  await pass(0);
  last().accept();
  const problem = { code: 'concurrency_limit', status: 409, detail: '', conflicts: [] };
  last().reply({ type: 'error', problem });
  expect([player.state, all.state]).toEqual(['closed', 'connecting']);
  await pass(0);
  last().welcome();
  serve();
  expect([last().sent[0]?.observe, all.state]).toEqual([true, 'live']);
});

test('a subscription that the server cannot take now is tried again, and leaves the connection alone', async () => {
  const on = connection();
  const [player, all] = [playerOn(on), viewOn(on, 'all')];
  void player.connect();
  void all.connect();
  await pass(0);
  last().welcome();
  const id = last().sent[1]?.id;
  last().reply({ type: 'error', id, problem: { code: 'overloaded', status: 503, detail: '' } });
  await pass(10_000);
  expect([sockets.length, kinds(last())]).toEqual([1, ['hello', 'all', 'all']]);
  serve();
  expect([all.status.isReady, player.state]).toEqual([true, 'live']);
});

test('[W4] no more than 16 requests wait for their answer at once', async () => {
  const on = connection();
  const views = Array.from({ length: 40 }, (_, i) => viewOn(on, `stream:${i}`));
  for (const view of views) void view.connect();
  await pass(0);
  last().welcome();
  expect(last().sent).toHaveLength(17);
  for (let i = 1; i <= 40; i++) {
    const asked = last().sent[i];
    last().reply({ type: 'subscribed', id: asked?.id, topic: asked?.topic, resumed: true });
  }
  expect(views.every((view) => view.status.isReady)).toBe(true);
});
