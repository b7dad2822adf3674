/** A player that connects again: after it left, was evicted, or lost its token. */
import { expect, test } from '@jest/globals';
import { handPlayers } from '../support/hand-players.ts';

const { event, sockets, pass, last, livePlayer } = handPlayers();

test('[W13] leave() and connect() in turns, before the first is answered: the last of them counts', async () => {
  const player = await livePlayer();
  const left = player.leave();
  const again = player.connect();
  const leftAgain = player.leave();
  last().end(1000);
  await Promise.all([left, leftAgain, expect(again).rejects.toMatchObject({ code: 'closed' })]);
  expect([player.state, sockets.length]).toEqual(['closed', 1]);
  void player.connect();
  void player.leave();
  const stays = player.connect();
  await pass(0);
  last().welcome();
  await stays;
  expect([player.state, last().sent.map(({ type }) => type)]).toEqual(['live', ['hello']]);
});

test('[W13] close() after leave() and connect(): it stays closed', async () => {
  const player = await livePlayer();
  const left = player.leave();
  const again = expect(player.connect()).rejects.toMatchObject({ code: 'closed' });
  player.close();
  await Promise.all([left, again]);
  await pass(100_000);
  expect([player.state, sockets.length]).toEqual(['closed', 1]);
});

test('[W13] two that connect while it leaves are both connected', async () => {
  const player = await livePlayer();
  void player.leave();
  const both = Promise.all([player.connect(), player.connect()]);
  last().end(1000);
  await pass(0);
  last().welcome();
  expect((await both).map(({ userId }) => userId)).toEqual(['u', 'u']);
});

test('[W8] [W13] who is to be ended for a session is not, when that leaves before it is there', async () => {
  const player = await livePlayer();
  last().end(1006);
  void player.connect({ replace: ['other'] });
  const left = player.leave();
  await pass(0);
  last().accept();
  expect(last().sent).toMatchObject([{ type: 'hello', resume: 'token' }, { type: 'leave' }]);
  expect(last().sent[0]).not.toHaveProperty('replace');
  last().end(1000);
  await left;
  void player.connect();
  await pass(0);
  last().accept();
  expect(last().sent[0]).not.toHaveProperty('replace');
});

test('[W16] evicted while it leaves: it left', async () => {
  const player = await livePlayer();
  const told: string[] = [];
  player.on('evicted', ({ who }) => told.push(who));
  const left = player.leave();
  last().reply({ type: 'evicted', reason: 'evicted', by: { sessionId: 'other' } });
  await left;
  expect([player.status, told]).toMatchObject([{ state: 'closed', evicted: undefined, session: undefined }, []]);
});

test('[W13] a stream set while it leaves is that of the next connect', async () => {
  const player = await livePlayer({ streamId: 'tnt' });
  void player.leave();
  void player.setStream('espn');
  const again = player.connect();
  last().end(1000);
  await pass(0);
  last().welcome();
  await again;
  expect(last().sent).toMatchObject([{ type: 'hello', streamId: 'espn' }]);
});

test('[W8] who is named while it is live is not ended by a later hello', async () => {
  const player = await livePlayer();
  await player.connect({ replace: ['other'] });
  last().end(1006);
  await pass(1_000);
  last().accept();
  expect(last().sent[0]).toMatchObject({ type: 'hello', resume: 'token' });
  expect(last().sent[0]).not.toHaveProperty('replace');
});

test('[W16] evicted by another device, then by another tab: each is told, and nothing but connect() brings it back', async () => {
  const player = await livePlayer({ sessionId: 'mine' });
  const told: string[] = [];
  player.on('evicted', ({ who }) => told.push(who));
  last().reply({ type: 'evicted', reason: 'evicted', by: { sessionId: 'other' } });
  void player.connect();
  expect(player.status).toMatchObject({ state: 'connecting', evicted: undefined, error: undefined });
  await pass(0);
  last().welcome();
  expect(last().sent[0]).toMatchObject({ sessionId: 'mine' });
  expect(last().sent[0]).not.toHaveProperty('resume');
  last().reply({ type: 'evicted', reason: 'replaced', by: { sessionId: 'mine' } });
  expect(told).toEqual(['other-device', 'same-session']);
  event('online');
  player.wake();
  await pass(100_000);
  expect([player.state, sockets.length]).toEqual(['closed', 2]);
});

test('[W31] a token that cannot be had is told, and asked for again with each attempt, until it comes', async () => {
  let isAway = false;
  const token = async (): Promise<string> => {
    if (isAway) throw new Error('away');
    return 'valid';
  };
  const player = await livePlayer({ token });
  const codes: string[] = [];
  player.on('error', ({ code }) => codes.push(code));
  isAway = true;
  last().reply({ type: 'token_expiring', expiresAt: 1 });
  await pass(0);
  expect([codes, player.state]).toEqual([['token_failed'], 'live']);
  last().end(4202);
  await pass(0);
  expect(player.status).toMatchObject({ state: 'reconnecting', error: { code: 'token_failed' } });
  expect([codes.length, sockets.length]).toEqual([2, 1]);
  isAway = false;
  await pass(30_000);
  last().welcome();
  expect(player.status).toMatchObject({ state: 'live', error: undefined });
  expect(last().sent[0]).toMatchObject({ token: 'valid', resume: 'token' });
});
