/** Two hundred faults of the network: after each the player has its session back, and the dashboard tells the truth. */
import { describe, expect } from '@jest/globals';
import type { PresenceClient } from '../../gateway/client/presence-client.ts';
import { next, playerOf, subscriptionOf } from '../support/clients.ts';
import { FaultProxy } from '../support/fault-proxy.ts';
import { startTestServer, type TestServer, until } from '../support/servers.ts';
import { type Ends, slowTests } from '../support/slow-tests.ts';

const CYCLES = 200;
/** Bytes of the answer to the upgrade and of a welcome: a cut falls somewhere within. */
const BYTES_OF_A_START = 600;

const slowTest = slowTests();

interface Faulty {
  readonly server: TestServer;
  readonly proxy: FaultProxy;
}

async function start(ends: Ends, env: Record<string, string>): Promise<Faulty> {
  const server = await startTestServer(env);
  ends.push(() => server.stop(0));
  const proxy = await FaultProxy.to(server.wsPort);
  ends.push(() => proxy.close());
  return { server, proxy };
}

/** What goes wrong, chosen by a number from 0 to 1. */
function fault(proxy: FaultProxy, chance: number): void {
  proxy.oneByte = chance < 0.2;
  if (chance < 0.4) proxy.cut();
  else if (chance < 0.6) proxy.reset();
  else if (chance < 0.8) proxy.halfClose();
  else {
    proxy.cutAfterBytes = 1 + Math.floor(((chance - 0.8) / 0.2) * BYTES_OF_A_START);
    proxy.cut();
  }
}

/** Mulberry32: a failing run can be had again. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const sessionsOf = async (server: TestServer, userId: string) =>
  (await server.get(`/concurrency/user/${userId}`)).body.sessions as { sessionId: string; streamId: string }[];

/** The faulty proxy stops cutting new connections once it has cut one. */
async function comesBack(proxy: FaultProxy, fails: () => void): Promise<void> {
  const before = proxy.accepted;
  fails();
  await until(() => proxy.accepted > before);
  proxy.cutAfterBytes = Number.POSITIVE_INFINITY;
}

describe.each(['uws', 'ws'])('transport %s', (TRANSPORT) => {
  slowTest('a player keeps its one session through every fault', async (ends) => {
    const seed = Date.now() % 1_000_000;
    const random = randomFrom(seed);
    const { server, proxy } = await start(ends, { TRANSPORT, RESUME_GRACE_MS: '30000', MAX_STREAMS: '1' });
    const player: PresenceClient = playerOf({ url: `ws://127.0.0.1:${proxy.port}/ws`, userId: 'u', streamId: 's' });
    ends.push(() => player.close());
    const { sessionId } = await player.connect();
    const wrong: unknown[] = [];
    player.on('denied', (problem) => wrong.push(problem));
    player.on('evicted', (eviction) => wrong.push(eviction));
    for (let cycle = 1; cycle <= CYCLES; cycle++) {
      const streamId = `s${cycle}`;
      const told = comesBack(proxy, () => {
        if (random() < 0.5) void player.setStream(streamId);
        fault(proxy, random());
      });
      await told;
      await player.setStream(streamId);
      const now = await sessionsOf(server, 'u');
      expect({ seed, cycle, now, wrong }).toMatchObject({ now: [{ sessionId, streamId }], wrong: [] });
      expect(now).toHaveLength(1);
    }
    await player.leave();
    expect(await sessionsOf(server, 'u')).toEqual([]);
  });

  slowTest('a dashboard tells the truth after every fault', async (ends) => {
    const seed = Date.now() % 1_000_000;
    const random = randomFrom(seed);
    const { server, proxy } = await start(ends, { TRANSPORT });
    const direct = `ws://127.0.0.1:${server.wsPort}/ws`;
    const players = await Promise.all(
      Array.from({ length: 5 }, async (_, i) => {
        const player = playerOf({ url: direct, userId: `u${i}`, sessionId: 's', streamId: 'tnt' });
        ends.push(() => player.close());
        await player.connect();
        return player;
      }),
    );
    const at = `ws://127.0.0.1:${proxy.port}/ws`;
    const [all, tnt] = ['all', 'stream:tnt'].map((topic) => subscriptionOf({ url: at, topic }));
    const both = [all!, tnt!];
    ends.push(() => {
      for (const subscription of both) subscription.close();
    });
    await Promise.all(both.map((subscription) => subscription.connect()));
    const streams = players.map(() => 'tnt');
    const view = (): unknown => both.map((one) => [...one.sessions].map(([key, s]) => [key, s.streamId]).sort());
    const truth = (): unknown => {
      const rows = streams.map((streamId, i) => [`u${i}/s`, streamId]);
      return [rows, rows.filter(([, streamId]) => streamId === 'tnt')];
    };
    for (let cycle = 1; cycle <= CYCLES; cycle++) {
      const i = Math.floor(random() * players.length);
      const streamId = random() < 0.5 ? 'tnt' : `s${cycle}`;
      const change = async (): Promise<void> => {
        streams[i] = streamId;
        await players[i]?.setStream(streamId);
      };
      const [before] = await Promise.all([
        random() < 0.5 ? change() : undefined,
        comesBack(proxy, () => fault(proxy, random())),
      ]);
      if (before === undefined) await change();
      await until(() => JSON.stringify(view()) === JSON.stringify(truth()));
    }
    expect(both.map((one) => one.complete)).toEqual([true, true]);
    expect({ seed, view: view() }).toEqual({ seed, view: truth() });
    const gone = next(all!, 'change');
    await players[0]?.leave();
    expect(await gone).toMatchObject({ kind: 'close', userId: 'u0', offline: true });
  });
});

slowTest('one byte at a time, and late: it works, only slowly', async (ends) => {
  const { server, proxy } = await start(ends, { TRANSPORT: 'ws' });
  proxy.oneByte = true;
  proxy.delayMs = 5;
  const player = playerOf({ url: `ws://127.0.0.1:${proxy.port}/ws`, userId: 'u', streamId: 'tnt' });
  ends.push(() => player.close());
  await player.connect();
  await player.setStream('espn');
  expect(await sessionsOf(server, 'u')).toMatchObject([{ streamId: 'espn' }]);
});

slowTest(
  'a network that swallows everything is noticed by the first question, and left by another connection',
  async (ends) => {
    const { server, proxy } = await start(ends, { TRANSPORT: 'uws', RESUME_GRACE_MS: '30000' });
    const url = `ws://127.0.0.1:${proxy.port}/ws`;
    const player = playerOf({ url, userId: 'u', streamId: 'tnt', replyTimeoutMs: 300, helloTimeoutMs: 1_000 });
    ends.push(() => player.close());
    const { sessionId } = await player.connect();
    proxy.blackhole = true;
    const told = player.setStream('espn');
    await next(player, 'disconnected');
    proxy.blackhole = false;
    await told;
    expect(await sessionsOf(server, 'u')).toMatchObject([{ sessionId, streamId: 'espn' }]);
  },
);
