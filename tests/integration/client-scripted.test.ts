/** The SDK against a server that says what the real one cannot be made to say. */
import { afterEach, expect, test } from '@jest/globals';
import { WebSocket } from 'ws';
import { PresenceClient } from '../../gateway/client/presence-client.ts';
import { CLOSE_CODES } from '../../gateway/protocol/close-codes.ts';
import { closeClients, next, playerOf, subscriptionOf } from '../support/clients.ts';
import { type ScriptedServer, startScriptedServer, welcome } from '../support/scripted-server.ts';
import { until } from '../support/servers.ts';

let server: ScriptedServer;
afterEach(async () => {
  closeClients();
  await server.close();
});
const hellos = () => server.received.filter((frame) => frame.type === 'hello');

const CODES = Object.values(CLOSE_CODES);

test.each(CODES.filter(({ reconnect }) => reconnect !== 'never'))(
  '[W31] close $code: comes back, and resumes',
  async (c) => {
    server = await startScriptedServer((frame, send, socket, connection) => {
      send(welcome(frame));
      if (connection === 1) socket.close(c.code);
    });
    const player = playerOf({ url: server.url, userId: 'u', streamId: 'tnt' });
    const first = await player.connect();
    const lost = next(player, 'disconnected');
    expect(await lost).toMatchObject({ code: c.code, willReconnect: true });
    const again = await next(player, 'welcome');
    expect(again).toMatchObject({ resumed: true, sessionId: first.sessionId });
    expect(hellos()[1]).toMatchObject({ userId: 'u', sessionId: first.sessionId, streamId: 'tnt', resume: 'token' });
  },
);

test.each(CODES.filter(({ reconnect }) => reconnect === 'never'))('[W31] close $code: stays away', async ({ code }) => {
  server = await startScriptedServer((frame, send, socket) => {
    send(welcome(frame));
    socket.close(code);
  });
  const player = playerOf({ url: server.url, userId: 'u' });
  await player.connect();
  expect(await next(player, 'closed')).toMatchObject({ code: 'closed', closeCode: code });
  expect(player.state).toBe('closed');
  await expect(player.update({ streamId: 'tnt' })).rejects.toMatchObject({ code: 'closed' });
  // Called again it says all, and does not resume what the server has ended.
  await player.connect();
  expect(hellos()).toHaveLength(2);
  expect(hellos()[1]).toMatchObject({ streamId: 'tnt' });
  expect(hellos()[1]).not.toHaveProperty('resume');
});

test('a token is asked for before each hello, refreshed before it ends, and asked for anew at 4202', async () => {
  let asked = 0;
  server = await startScriptedServer((frame, send, socket, connection) => {
    if (frame.type === 'hello') {
      send(welcome(frame));
      if (connection === 1) send({ type: 'token_expiring', expiresAt: 1 });
    } else if (frame.type === 'refresh') {
      send({ type: 'ok', id: frame.id, resumeToken: 'newer' });
      socket.close(4202);
    }
  });
  const player = playerOf({ url: server.url, userId: 'u', token: async () => `jwt${++asked}` });
  await player.connect();
  await next(player, 'reconnecting');
  await next(player, 'welcome');
  expect(server.received.map(({ type, token, resume }) => ({ type, token, resume }))).toEqual([
    { type: 'hello', token: 'jwt1', resume: undefined },
    { type: 'refresh', token: 'jwt2', resume: undefined },
    { type: 'hello', token: 'jwt3', resume: 'newer' },
  ]);
});

test('a token provider that fails is asked again', async () => {
  server = await startScriptedServer((frame, send) => send(welcome(frame)));
  let asked = 0;
  const token = (): string => {
    asked += 1;
    if (asked < 3) throw new Error('no network');
    return 'jwt';
  };
  const player = playerOf({ url: server.url, userId: 'u', token });
  const failure = next(player, 'error');
  await player.connect();
  expect(await failure).toMatchObject({ code: 'token_failed' });
  expect(hellos()).toMatchObject([{ token: 'jwt' }]);
});

test('a hello without an answer, and an update without one, cost a bounded time and the connection', async () => {
  server = await startScriptedServer((frame, send, _socket, connection) => {
    if (frame.type === 'hello' && connection > 1) send(welcome(frame));
    if (frame.type === 'update' && connection > 2) send({ type: 'ok', id: frame.id });
  });
  const player = playerOf({ url: server.url, userId: 'u', helloTimeoutMs: 200, replyTimeoutMs: 100 });
  await player.connect();
  expect(server.sockets).toHaveLength(2);
  await player.update({ streamId: 'espn' });
  expect(hellos()[2]).toMatchObject({ streamId: 'espn', sessionId: hellos()[0]?.sessionId });
});

test('connect gives up in the end, on a server that is not there', async () => {
  server = await startScriptedServer(() => {});
  const { url } = server;
  await server.close();
  const player = playerOf({ url, userId: 'u', connectTimeoutMs: 200 });
  await expect(player.connect()).rejects.toMatchObject({ name: 'PresenceError', code: 'timeout' });
  expect(player.state).toBe('closed');
  const subscription = subscriptionOf({ url, topic: 'all', connectTimeoutMs: 200 });
  await expect(subscription.connect()).rejects.toMatchObject({ code: 'timeout' });
});

test('updates while disconnected are merged into the next hello', async () => {
  server = await startScriptedServer((frame, send) => send(welcome(frame)));
  const player = playerOf({ url: server.url, userId: 'u', streamId: 'a' });
  await player.connect();
  server.sockets[0]?.terminate();
  await next(player, 'disconnected');
  const told = Array.from({ length: 1_000 }, (_, i) => player.update({ streamId: `s${i}`, state: 'CA' }));
  await Promise.all(told);
  expect(server.received.map(({ type, streamId, state }) => [type, streamId, state])).toEqual([
    ['hello', 'a', undefined],
    ['hello', 's999', 'CA'],
  ]);
});

test('updates in quick succession: one is on its way, the store being away delays, a bad one is refused', async () => {
  let updates = 0;
  const problem = (code: string, status: number) => ({ type: 'about:blank', title: code, detail: code, code, status });
  server = await startScriptedServer((frame, send) => {
    if (frame.type === 'hello') send(welcome(frame));
    if (frame.type !== 'update') return;
    updates += 1;
    const { id } = frame;
    if (updates === 1) send({ type: 'error', id, problem: problem('store_unavailable', 503) });
    else if (frame.country === '/') send({ type: 'error', id, problem: problem('invalid_request', 400) });
    else send({ type: 'ok', id });
  });
  const player = playerOf({ url: server.url, userId: 'u' });
  await player.connect();
  await Promise.all(Array.from({ length: 100 }, (_, i) => player.setStream(`s${i}`)));
  expect(updates).toBeLessThanOrEqual(3);
  expect(server.received.at(-1)).toMatchObject({ type: 'update', streamId: 's99' });
  await expect(player.update({ country: '/' })).rejects.toMatchObject({ code: 'invalid_request' });
  server.sockets[0]?.terminate();
  await next(player, 'welcome');
  expect(hellos()[1]).toMatchObject({ streamId: 's99' });
  expect(hellos()[1]).not.toHaveProperty('country');
});

test('analytics are sent once, or not at all', async () => {
  server = await startScriptedServer((frame, send) => {
    if (frame.type === 'hello') send(welcome(frame));
    if (frame.type === 'event' && frame.event === 'click') send({ type: 'ok', id: frame.id });
  });
  const player = playerOf({ url: server.url, userId: 'u' });
  await expect(player.sendEvent('click')).rejects.toMatchObject({ code: 'disconnected' });
  await player.connect();
  await player.sendEvent('click');
  const cut = player.sendEvent('impression');
  await until(() => server.received.length === 3);
  server.sockets[0]?.terminate();
  await expect(cut).rejects.toMatchObject({ code: 'disconnected' });
  await next(player, 'welcome');
  expect(server.received.map((frame) => frame.event ?? frame.type)).toEqual(['hello', 'click', 'impression', 'hello']);
});

test('a drain that is not followed by a close is ended by the client, and leaving while drained is leaving', async () => {
  server = await startScriptedServer((frame, send, socket) => {
    if (frame.type === 'leave') return socket.close(1000);
    send(welcome(frame));
    send({ type: 'drain', reconnectInMs: 50 });
  });
  const player = playerOf({ url: server.url, userId: 'u', replyTimeoutMs: 50 });
  await player.connect();
  expect(await next(player, 'disconnected')).toMatchObject({ code: 1001, willReconnect: true });
  await next(player, 'drain');
  await player.leave();
  expect(player.state).toBe('closed');
  expect(player.session).toBeUndefined();
});

test('what is not understood costs the connection; a listener that throws costs nothing', async () => {
  server = await startScriptedServer((frame, send, socket, connection) => {
    send(welcome(frame));
    if (connection === 1) socket.send('{');
  });
  const player = playerOf({ url: server.url, userId: 'u' });
  const error = next(player, 'error');
  await player.connect();
  expect(await error).toMatchObject({ code: 'protocol_error' });
  await next(player, 'welcome');
  expect(player.state).toBe('live');
});

test('without a WebSocket it says so', async () => {
  server = await startScriptedServer(() => {});
  const has = 'WebSocket' in globalThis;
  const make = (): unknown => new PresenceClient({ url: server.url, ...(has && { WebSocket }) });
  if (has) expect(make).not.toThrow();
  else expect(make).toThrow(/pass the option WebSocket/);
});

test('[P11] [W24] a subscription lost within a snapshot keeps its old map, and begins the snapshot anew', async () => {
  const session = (userId: string) => ({ userId, sessionId: 's', via: 'socket', startedAt: 1 });
  server = await startScriptedServer((frame, send, socket, connection) => {
    if (frame.type === 'hello') return send(welcome(frame));
    const topic = 'all';
    send({ type: 'subscribed', id: frame.id, topic, resumed: false });
    if (connection === 2) {
      send({ type: 'snapshot', topic, page: 0, last: false, sessions: [session('x')], cursor: 'c2' });
      return socket.close(4210);
    }
    send({ type: 'snapshot', topic, page: 0, last: false, sessions: [session('a')], cursor: '-' });
    send({ type: 'snapshot', topic, page: 1, last: true, sessions: [session(`b${connection}`)], cursor: 'c1' });
  });
  const subscription = subscriptionOf({ url: server.url, topic: 'all' });
  await subscription.connect();
  const maps: string[][] = [];
  subscription.on('disconnected', () => maps.push([...subscription.sessions.keys()]));
  server.sockets[0]?.terminate();
  await until(() => subscription.sessions.has('b3/s'));
  expect(maps).toEqual([
    ['a/s', 'b1/s'],
    ['a/s', 'b1/s'],
  ]);
  const cursors = server.received.filter(({ type }) => type === 'subscribe').map(({ cursor }) => cursor);
  expect(cursors).toEqual([undefined, 'c1', undefined]);
});

test('a snapshot that stops coming is asked for again; a cursor nobody knows is let go', async () => {
  server = await startScriptedServer((frame, send, _socket, connection) => {
    if (frame.type === 'hello') return send(welcome(frame));
    const problem = { type: 'about:blank', title: '', detail: '', code: 'invalid_request', status: 400 };
    if (frame.cursor !== undefined) return send({ type: 'error', id: frame.id, problem });
    send({ type: 'subscribed', id: frame.id, topic: 'all', resumed: false });
    send({ type: 'snapshot', topic: 'all', page: 0, last: connection > 1, sessions: [], cursor: 'c' });
  });
  const subscription = subscriptionOf({ url: server.url, topic: 'all', cursor: 'old', replyTimeoutMs: 100 });
  await subscription.connect();
  expect(server.sockets).toHaveLength(2);
  expect(subscription.cursor).toBe('c');
});
