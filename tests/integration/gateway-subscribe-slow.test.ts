/** A consumer that does not keep up (P14): nothing piles up for it, and it is told to come back. */
import { afterEach, describe, expect, test } from '@jest/globals';
import { Dashboard, type TopicView } from '../support/dashboard.ts';
import { startTestServer, type TestServer, until } from '../support/servers.ts';

const WIDE = 'x'.repeat(100);
/** Of one user, so that each change is told so many times to the same socket. */
const TOPICS = Array.from({ length: 50 }, (_, i) => `users:u,${i}`);

describe.each(['uws', 'ws'])('transport %s', (TRANSPORT) => {
  let server: TestServer;
  afterEach(() => server.stop(0));

  test('[W26] [W30] a socket that reads no more is closed 4210; others miss nothing, and neither does it when it is back', async () => {
    server = await startTestServer({ TRANSPORT, MAX_STREAMS: '100', RESUME_GRACE_MS: '100' });
    const beat = (sessionId: string, streamId: string) =>
      server.post('/heartbeat', { userId: 'u', sessionId: WIDE + sessionId, streamId: WIDE + streamId });
    const slow = await Dashboard.open(server.wsPort, { userId: 'slow', sessionId: 's' });
    const quick = await Dashboard.open(server.wsPort);
    const view = await quick.subscribe('user:u');
    const lost: TopicView[] = [];
    for (const topic of TOPICS) lost.push(await slow.subscribe(topic));
    await until(() => lost.every((each) => each.cursor !== undefined));

    slow.player.socket.pause();
    let isHeld = true;
    // Far more than the kernel's buffers of both ends take.
    const flood = Promise.all(
      Array.from({ length: 10 }, async (_, i) => {
        for (let n = 0; isHeld; n++) await beat(`${i}`, `${n}`);
      }),
    );
    // Once its socket is given up, its session is left to the grace.
    await until(async () => (await server.get('/status/user/slow')).body.online === false);
    isHeld = false;
    await flood;
    slow.player.socket.resume();
    expect(await slow.player.closed).toBe(4210);

    await until(() => view.rows().length === 10);
    const again = await Dashboard.open(server.wsPort);
    for (const each of lost) await again.subscribe(each.topic, {}, each);
    await until(() => lost.every((each) => each.rows().join() === view.rows().join()));
    expect([...lost, view].flatMap((each) => each.faults)).toEqual([]);
    await again.close();
  });

  test('[W30] a socket that pauses for a moment catches up by itself', async () => {
    server = await startTestServer({ TRANSPORT, MAX_STREAMS: '100' });
    const dashboard = await Dashboard.open(server.wsPort);
    const views: TopicView[] = [];
    for (const topic of TOPICS) views.push(await dashboard.subscribe(topic));
    dashboard.player.socket.pause();
    const beat = (n: number) =>
      server.post('/heartbeat', { userId: 'u', sessionId: `${WIDE}${n % 10}`, streamId: `${WIDE}${n}` });
    for (let n = 0; n < 500; n += 10) await Promise.all(Array.from({ length: 10 }, (_, i) => beat(n + i)));
    dashboard.player.socket.resume();
    await until(() => views.every((view) => view.rows().join().includes(`${WIDE}499`)));
    await beat(500);
    await until(() => views.every((view) => view.rows().join().includes(`${WIDE}500`)));
    expect(views.flatMap((view) => view.faults)).toEqual([]);
    expect(views.every((view) => view.sessions.size === 10)).toBe(true);
  });
});
