/** The conversations that /docs shows of sockets are held as they stand. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { CONVERSATIONS } from '../../gateway/http/docs/sockets-chapter.ts';
import { CLOSE_CODES } from '../../gateway/protocol/close-codes.ts';
import { Player } from '../support/player.ts';
import { startTestServer, type TestServer } from '../support/servers.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.stop(0));

const any = (value: unknown): unknown => {
  if (value === '…') return expect.anything();
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, any(each)]));
};

/** What must be so before, by the id of the conversation. */
const BEFORE: Readonly<Record<string, readonly string[]>> = {
  'socket-limit': ['tv', 'phone', 'tablet'],
  'socket-replace': ['tv', 'phone', 'tablet'],
};

describe.each(CONVERSATIONS)('$title', ({ id, lines, close }) => {
  test('goes as it says', async () => {
    const others = await Promise.all(
      (BEFORE[id] ?? []).map((sessionId) => Player.hello(server.wsPort, { userId: 'ann', sessionId, streamId: 'tnt' })),
    );
    const player = await Player.connect(server.wsPort);
    for (const [from, frame] of lines) {
      if (from === '→') player.send(frame);
      // Somebody joins, so that there is a change.
      else if (frame.type === 'changes')
        others.push(await Player.hello(server.wsPort, { userId: 'bob', streamId: 'tnt' }));
      if (from === '←') expect(await player.next()).toMatchObject(any(frame) as object);
    }
    if (close) expect(await player.closed).toBe(CLOSE_CODES[close].code);
    else player.send({ type: 'leave' });
    for (const [other] of others) other.send({ type: 'leave' });
    await Promise.all(
      [player, ...others.map(([other]) => other)].map(({ closed, socket }) => (close ? closed : socket.close())),
    );
  });
});

test('the page shows each of them, for the address by which it was asked', async () => {
  const reply = await fetch(`http://localhost:${server.httpPort}/docs`);
  const page = await reply.text();
  for (const { id } of CONVERSATIONS) expect(page).toContain(`<figure id="${id}">`);
  expect(page).toContain(`<code>ws://localhost:${server.wsPort}/ws</code>`);
  expect(page).toContain(`curl http://localhost:${server.httpPort}/online`);
  expect(page).not.toMatch(/\.invalid|localhost:0/);
});

test('[W35] a problem over a socket is that of HTTP, and its type leads to its page', async () => {
  const [player, { problem }] = await Player.hello(server.wsPort, { userId: 7 });
  expect(problem).toMatchObject({
    type: '/docs/problems/invalid_request',
    title: 'Invalid request',
    status: 400,
    code: 'invalid_request',
    detail: expect.any(String),
    errors: expect.any(Array),
  });
  await player.closed;
  const { type } = problem as { type: string };
  expect((await fetch(new URL(type, `http://127.0.0.1:${server.httpPort}`))).status).toBe(200);
});
