/** What no client should send: the error and close code of the contract, the server alive, nothing stored. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Player } from '../support/player.ts';
import { startTestServer, type TestServer, until } from '../support/servers.ts';

describe.each(['uws', 'ws'])('transport %s', (TRANSPORT) => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer({ TRANSPORT });
  });
  afterAll(() => server.stop(0));

  const nothingStored = async (): Promise<void> => {
    expect((await server.get('/online')).body).toEqual({ users: 0, sessions: 0 });
    expect((await server.get('/stats/top?by=stream')).body).toMatchObject({ items: [] });
  };

  test.each([
    ['no JSON', '{"type":'],
    ['no object', '[1,2]'],
    ['null', 'null'],
    ['a string', '"hello"'],
    ['no type', '{}'],
    ['a number as type', '{"type":1}'],
    ['another message before hello', '{"type":"update","streamId":"s"}'],
    ['an unknown type before hello', '{"type":"dance"}'],
    ['a hello without a user', '{"type":"hello"}'],
    ['a user id of a wrong type', '{"type":"hello","userId":7}'],
    ['an empty user id', '{"type":"hello","userId":""}'],
    ['a user id with a space', '{"type":"hello","userId":"a b"}'],
    ['a user id of 256 characters', `{"type":"hello","userId":"${'a'.repeat(256)}"}`],
    ['a user id of 513 bytes', `{"type":"hello","userId":"${'€'.repeat(171)}"}`],
    ['the reserved session id', '{"type":"hello","userId":"u","sessionId":"*"}'],
    ['a stream id with a control character', '{"type":"hello","userId":"u","streamId":"a\\u001fb"}'],
    ['a device type with a slash', '{"type":"hello","userId":"u","deviceType":"a/b"}'],
    ['a country with a line break', '{"type":"hello","userId":"u","country":"a\\nb"}'],
    ['nested meta', '{"type":"hello","userId":"u","meta":{"a":{"b":"c"}}}'],
    [
      'nine meta fields',
      `{"type":"hello","userId":"u","meta":${JSON.stringify(Object.fromEntries([...'abcdefghi'].map((k) => [k, 'v'])))}}`,
    ],
    ['meta of 513 bytes', `{"type":"hello","userId":"u","meta":{"a":"${'x'.repeat(505)}"}}`],
    ['a message id of 65 characters', `{"type":"hello","userId":"u","id":"${'i'.repeat(65)}"}`],
    [
      'seventeen sessions to replace',
      `{"type":"hello","userId":"u","replace":${JSON.stringify(Array.from({ length: 17 }, (_, i) => `s${i}`))}}`,
    ],
    ['replace of a wrong type', '{"type":"hello","userId":"u","replace":"s"}'],
    ['a prototype as type', '{"type":"__proto__"}'],
  ])('[W3] [W6] %s closes 4000 with a reason', async (_, text) => {
    const player = await Player.connect(server.wsPort);
    player.send(text);
    expect(await player.next('error')).toMatchObject({ problem: { code: 'invalid_request', status: 400 } });
    expect(await player.closed).toBe(4000);
    await nothingStored();
  });

  test('[W3] a binary frame closes 4000', async () => {
    const player = await Player.connect(server.wsPort);
    player.socket.send(Buffer.from('{"type":"hello","userId":"u"}'), { binary: true });
    expect(await player.closed).toBe(4000);
    await nothingStored();
  });

  /** An update of so many bytes, all but a few in a field that is ignored. */
  const sized = (bytes: number): string => {
    const empty = JSON.stringify({ type: 'update', id: 'u', streamId: 'espn', ignored: '' });
    return empty.replace('""', `"${'x'.repeat(bytes - empty.length)}"`);
  };

  test('[W2] over 16 KB closes 1009, before and after hello', async () => {
    const early = await Player.connect(server.wsPort);
    early.send(`{"type":"hello","userId":"u","pad":"${'x'.repeat(16_384)}"}`);
    expect(await early.closed).toBe(1009);
    await nothingStored();
    const [late] = await Player.hello(server.wsPort, { userId: 'large', sessionId: 's', streamId: 'tnt' });
    late.send(sized(16_384));
    expect(await late.next()).toMatchObject({ type: 'ok' });
    late.send(sized(16_385));
    expect(await late.closed).toBe(1009);
    expect(late.frames).toEqual([]);
    // Like any lost socket it leaves its session to the grace, with what was said before.
    const [again, welcome] = await Player.hello(server.wsPort, { userId: 'large', sessionId: 's' });
    expect(welcome).toMatchObject({ type: 'welcome', current: 1 });
    expect((await server.get('/concurrency/user/large')).body).toMatchObject({ sessions: [{ streamId: 'espn' }] });
    await again.leave();
  });

  test('[W9] a resume token that is forged is unauthenticated', async () => {
    const [player, error] = await Player.hello(server.wsPort, { resume: 'dX5zfjE.AAAA' });
    expect(error).toMatchObject({ problem: { code: 'unauthenticated' } });
    expect(await player.closed).toBe(4001);
    await nothingStored();
  });

  test('[W2] [W3] [W6] after hello, bad messages are answered by name and the socket stays open', async () => {
    const [player] = await Player.hello(server.wsPort, { userId: 'u', sessionId: 's', streamId: 'tnt' });
    const errors = async (message: object): Promise<unknown> => {
      const reply = await player.ask(message);
      return (reply.problem as { errors?: { path: string }[] }).errors?.map((e) => e.path) ?? reply.problem;
    };
    expect(await errors({ type: 'dance' })).toEqual(['/type']);
    expect(await errors({ type: 'update', streamId: 5, country: 'a/b' })).toEqual(['/streamId', '/country']);
    expect(await errors({ type: 'hello', userId: 'u' })).toMatchObject({ code: 'invalid_request', detail: /already/ });
    player.send({ type: 'update', id: 1.5 });
    expect(await player.next('error')).toMatchObject({ problem: { errors: [{ path: '/id' }] } });
    expect(await player.ask({ type: 'update', streamId: 'espn', unknown: 1 })).toMatchObject({ type: 'ok' });
    expect((await server.get('/concurrency/user/u')).body).toMatchObject({ sessions: [{ streamId: 'espn' }] });
    player.send('{');
    expect(await player.closed).toBe(4000);
    await server.get('/status/user/u');
  });

  test('[W4] messages are worked off in the order they came', async () => {
    const [player] = await Player.hello(server.wsPort, { userId: 'o', sessionId: 's', streamId: 'f0' });
    for (let i = 1; i <= 20; i++) player.send({ type: 'update', streamId: `f${i}` });
    await player.ask({ type: 'heartbeat' });
    expect((await server.get('/concurrency/user/o')).body).toMatchObject({ sessions: [{ streamId: 'f20' }] });
    // To subscribe takes longer than to ask: who did both at once would answer the question first.
    const before = player.frames.length;
    for (const id of ['a', 'c']) {
      player.send({ type: 'subscribe', id: `${id}1`, topic: `user:${id}` });
      player.send({ type: 'heartbeat', id: `${id}2` });
    }
    await until(() => player.frames.some(({ id }) => id === 'c2'));
    const answers = player.frames.slice(before).flatMap(({ id }) => id ?? []);
    expect(answers).toEqual(['a1', 'a2', 'c1', 'c2']);
  });
});
