/** A player's socket towards a store whose answers the test gives by hand: what it asks, tells and gives up. */
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { ANYONE } from '../../gateway/auth/identity.ts';
import { GatewayNode } from '../../gateway/node/node.ts';
import type { ServerMessage } from '../../gateway/protocol/messages.ts';
import { Player } from '../../gateway/sessions/player.ts';
import type { PlayerSocket } from '../../gateway/sessions/player-socket.ts';
import { issueResumeToken, readResumeToken } from '../../gateway/sessions/resume-token.ts';
import { ConnectionNumbers, type OpenRequest, StoreError } from '../../presence-core/index.ts';
import { AskedStore } from '../support/asked-store.ts';
import { until } from '../support/servers.ts';

const log = { info: () => {}, warn: () => {} };
const TIMES = { beatMs: 3_000, leaseMs: 10_000, sweepMs: 1_000, sessionLeaseMs: 600_000, resumeGraceMs: 10_000 };
const HELLO = { type: 'hello', userId: 'u', sessionId: 's', streamId: 'one' } as const;
const OPENED = {
  outcome: 'opened',
  current: 1,
  max: 3,
  startedAt: 1_000,
  segment: 0,
  segmentStartedAt: 1_000,
  expiresAt: 9_000,
  displaced: [],
} as const;

interface Options {
  readonly outagePolicy?: 'open' | 'closed';
  /** Resolves when the credentials have been checked. */
  readonly authentication?: Promise<void>;
  readonly beatMs?: number;
}

/** Whether the store has told the node its clock. */
const hasClock = (node: GatewayNode, has: boolean) =>
  Object.defineProperty(node, 'isWithoutClock', { value: !has, configurable: true });

function playerOf({ outagePolicy = 'closed', authentication, beatMs = TIMES.beatMs }: Options = {}) {
  const asked = new AskedStore('open', 'close', 'update', 'detach');
  const { store } = asked;
  const node = new GatewayNode({ store, log, ...TIMES, beatMs });
  /** What the client is told, in order. */
  const told: string[] = [];
  /** The same, in full. */
  const messages: ServerMessage[] = [];
  const socket: PlayerSocket & { open: boolean } = {
    open: true,
    identity: ANYONE,
    identify: () => {},
    accept: () => {},
    send: (message) => {
      messages.push(message);
      const { type } = message;
      const flags = ['resumed', 'degraded'].filter((flag) => (message as unknown as Record<string, unknown>)[flag]);
      told.push([type, ...flags].join(' '));
    },
    problem: (code) => told.push(`problem ${code}`),
    fail: (code, _detail, close) => {
      told.push(`problem ${code}`);
      socket.end(close);
    },
    end: (name) => {
      if (!socket.open) return;
      socket.open = false;
      told.push(`closed ${name}`);
      player.release();
    },
  };
  const authenticator = {
    required: authentication !== undefined,
    authenticate: async () => {
      await authentication;
      return { outcome: 'known', identity: { ...ANYONE, userId: 'u' } } as const;
    },
  };
  const player = new Player(socket, {
    store,
    node,
    authenticator,
    sessionLeaseMs: TIMES.sessionLeaseMs,
    resumeGraceMs: TIMES.resumeGraceMs,
    pingIntervalMs: 25_000,
    onLimit: 'reject',
    outagePolicy,
    deviceTakeover: 'on',
    silenceTimeoutMs: 0,
  });
  hasClock(node, true);
  node.nextConnection = () => ({ connection: 7, receivedAt: performance.now() });
  const owner = node.owner(7);
  const held = async (): Promise<void> => {
    const done = player.hello(HELLO);
    await turn();
    await asked.only('open').answer(OPENED);
    await done;
    told.length = 0;
  };
  return { asked, node, player, socket, told, messages, owner, held };
}

test('[W6] a socket that closes while its credentials are checked opens nothing', async () => {
  let checked = (): void => {};
  const authentication = new Promise<void>((resolve) => {
    checked = resolve;
  });
  const { asked, player, socket, told, node } = playerOf({ authentication });
  const hello = player.hello({ ...HELLO, token: 'x' });
  socket.end('normal');
  checked();
  await hello;
  await turn();
  expect(asked.waiting('open')).toEqual([]);
  expect(node.sessionsHeld).toBe(0);
  expect(told).toEqual(['closed normal']);
});

test('[P10] [W6] a socket that closes while its hello waits for the store opens nothing, and is not kept', async () => {
  const { asked, player, socket, node } = playerOf();
  node.suspect();
  node.check = async () => socket.end('normal');
  await player.hello(HELLO);
  expect(asked.waiting('open')).toEqual([]);
  expect(node.sessionsHeld).toBe(0);
});

test('[P7] an open that is answered after its socket closed is detached, under its owner', async () => {
  const { asked, player, socket, told, owner } = playerOf();
  const hello = player.hello(HELLO);
  await turn();
  socket.end('normal');
  expect(asked.waiting('detach')).toEqual([]);
  await asked.only('open').answer(OPENED);
  await hello;
  expect(asked.only('detach').args[0]).toEqual([{ userId: 'u', sessionId: 's', owner }]);
  expect(told).toEqual(['closed normal']);
});

test.each(['open', 'closed'] as const)(
  '[P7] an open without an answer whose socket has closed is detached until it is known (policy %s)',
  async (outagePolicy) => {
    const { asked, player, socket, owner } = playerOf({ outagePolicy });
    const hello = player.hello(HELLO);
    await turn();
    socket.end('normal');
    await asked.only('open').lose();
    await hello;
    expect(asked.only('detach').args[0]).toEqual([{ userId: 'u', sessionId: 's', owner }]);
  },
);

test.each([
  ['which it named', 's', 10_000],
  ['which nobody knows', undefined, 0],
] as const)('[P7] who is sent away leaves the session %s a grace or none', async (_, sessionId, graceMs) => {
  const { asked, player, told } = playerOf();
  const hello = player.hello({ type: 'hello', userId: 'u', ...(sessionId && { sessionId }) });
  await turn();
  await asked.only('open').lose();
  await hello;
  expect(told).toEqual(['problem store_unavailable', 'closed overloaded']);
  expect(asked.only('detach').args[1]).toBe(graceMs);
});

test('[P7] an open that failed by a fault lets nobody in, and is detached', async () => {
  const { asked, player, told } = playerOf({ outagePolicy: 'open' });
  const hello = player.hello(HELLO);
  await turn();
  const failed = expect(hello).rejects.toThrow('a fault');
  await asked.only('open').fail(new TypeError('a fault'));
  await failed;
  expect(asked.waiting('detach')).toHaveLength(1);
  expect(told).toEqual([]);
});

test('[P7] leaving names the owner, so that a newer socket of the session lives on', async () => {
  const { asked, player, told, owner, held } = playerOf();
  await held();
  const leave = player.leave();
  await turn();
  expect(asked.only('close').args[0]).toEqual({ userId: 'u', sessionId: 's', owner, reason: 'left' });
  await asked.only('close').answer({ outcome: 'moved' });
  await leave;
  expect(told).toEqual(['closed normal']);
  expect(asked.waiting('detach')).toEqual([]);
});

async function leaveInVain({ asked, player }: Pick<ReturnType<typeof playerOf>, 'asked' | 'player'>): Promise<void> {
  const leave = player.leave();
  await turn();
  const failed = expect(leave).rejects.toThrow('no answer');
  await asked.only('close').lose();
  await failed;
}

test('[P8] who leaves without an answer still holds the session, and its socket leaves it to the grace', async () => {
  const rig = playerOf();
  const { asked, told, socket, held } = rig;
  await held();
  await leaveInVain(rig);
  expect(told).toEqual([]);
  socket.end('normal');
  expect(asked.waiting('detach')).toHaveLength(1);
});

test.each([
  ['ended', { outcome: 'ended', reason: 'left', retryAfterMs: 1_000 }, ['closed normal']],
  ['live', { ...OPENED, outcome: 'renewed' }, []],
] as const)(
  '[P8] [W13] who left without an answer asks for its session again, which is %s',
  async (_, answer, expected) => {
    const rig = playerOf();
    const { asked, player, told, owner, held } = rig;
    await held();
    await leaveInVain(rig);
    expect(player.isDue).toBe(true);
    const reopened = player.reopen();
    expect(asked.only('open').args[0]).toMatchObject({ intent: 'resume', owner, socketWas: 'held' });
    await asked.only('open').answer(answer);
    await reopened;
    expect(player.isDue).toBe(false);
    expect(told).toEqual(expected);
  },
);

test('[P14] [W13] a leave that was not sent changes nothing', async () => {
  const { asked, player, held } = playerOf();
  await held();
  const leave = player.leave();
  await turn();
  const failed = expect(leave).rejects.toThrow('too much');
  await asked.only('close').fail(new StoreError('overloaded', 'too much'));
  await failed;
  expect(player.isDue).toBe(false);
});

test.each([
  [{ outcome: 'moved' }, true],
  [{ outcome: 'ended', reason: 'kicked' }, true],
  [{ outcome: 'gone' }, true],
  [{ outcome: 'fenced' }, false],
  [{ outcome: 'updated', segment: 1, segmentStartedAt: 2_000 }, false],
] as const)('[P7] an update that is answered %j: to be opened again is %j', async (answer, isDue) => {
  const { asked, player, told, owner, held } = playerOf();
  await held();
  const update = player.update({ type: 'update', id: '1', streamId: 'two' });
  await turn();
  expect(asked.only('update').args[0]).toMatchObject({ owner, attributes: { streamId: 'two' } });
  await asked.only('update').answer(answer);
  await update;
  expect(told).toEqual(['ok']);
  expect(player.isDue).toBe(isDue);
});

test.each([
  [{ outcome: 'moved' }, ['evicted', 'closed replaced']],
  [{ outcome: 'ended', reason: 'kicked', retryAfterMs: 1_000 }, ['evicted', 'closed kicked']],
] as const)('[P7] a session that is opened again and answered %j is over', async (answer, expected) => {
  const { asked, player, told, owner, held } = playerOf();
  await held();
  player.missed(owner, answer);
  const reopened = player.reopen();
  expect(asked.only('open').args[0]).toMatchObject({ intent: 'resume', socketWas: 'held' });
  await asked.only('open').answer(answer);
  await reopened;
  expect(told).toEqual(expected);
});

test.each([
  [{ outcome: 'moved' }, 'forgot'],
  [{ outcome: 'moved' }, 'is away'],
  [{ outcome: 'ended', reason: 'left', retryAfterMs: 1_000 }, 'forgot'],
  [{ outcome: 'ended', reason: 'left', retryAfterMs: 1_000 }, 'is away'],
] as const)('[P10] %j ends no socket while the store %s', async (answer, state) => {
  const { asked, node, player, told, owner, held } = playerOf();
  await node.start();
  try {
    await held();
    player.missed(owner, answer);
    asked.store.nodes.beat = async () => {
      if (state === 'is away') throw new StoreError('store_unavailable', 'no answer in time');
      return { outcome: 'alive', epoch: 'another', now: 1, nodes: [], returnsUntil: 0 };
    };
    const reopened = player.reopen();
    await asked.only('open').answer(answer);
    await reopened;
    expect(told).toEqual([]);
    expect(player.isDue).toBe(true);
  } finally {
    await node.stop();
  }
});

test('[P9] a session that the store does not have is opened again at its turn, with what changed since', async () => {
  const { asked, player, told, held } = playerOf();
  await held();
  const update = player.update({ type: 'update', streamId: 'two' });
  await turn();
  await asked.only('update').answer({ outcome: 'gone' });
  await update;
  expect(player.isDue).toBe(true);
  await player.update({ type: 'update', id: '2', country: 'DE' });
  expect(asked.waiting('update')).toEqual([]);
  const reopened = player.reopen();
  const { args } = asked.only('open');
  expect(args[0]).toMatchObject({ intent: 'resume', attributes: { streamId: 'two', country: 'DE' } });
  await asked.only('open').answer(OPENED);
  await reopened;
  expect(player.isDue).toBe(false);
  expect(told).toEqual(['ok']);
});

test.each([
  [{ ...OPENED, outcome: 'renewed' }, 'welcome resumed'],
  [{ ...OPENED, outcome: 'renewed', startedAt: 2_000 }, 'welcome'],
  [OPENED, 'welcome'],
] as const)('[W9] resumed is what goes on: %j', async (answer, expected) => {
  const { asked, player, told } = playerOf();
  await asked.store.start();
  const resume = issueResumeToken(asked.store.secret(), { userId: 'u', sessionId: 's', startedAt: 1_000 });
  const hello = player.hello({ type: 'hello', resume });
  await turn();
  await asked.only('open').answer(answer);
  await hello;
  expect(told).toEqual([expected]);
});

test('[P10] policy open lets in, is asked again at its turn, and may then refuse', async () => {
  const { asked, player, told } = playerOf({ outagePolicy: 'open' });
  const hello = player.hello(HELLO);
  await turn();
  await asked.only('open').lose();
  await hello;
  expect(told).toEqual(['welcome degraded']);
  await player.heartbeat(undefined);
  const reopened = player.reopen();
  expect(asked.only('open').args[0]).toMatchObject({ intent: 'resume' });
  const refused = { outcome: 'refused', current: 3, max: 3, conflicts: [], nextFreeAt: 9_000, displaced: [] } as const;
  await asked.only('open').answer(refused);
  await reopened;
  expect(told).toEqual([
    'welcome degraded',
    'heartbeat degraded',
    'problem concurrency_limit',
    'closed concurrency_limit',
  ]);
  // The first open may still come.
  expect(asked.waiting('detach')).toHaveLength(1);
});

test('[P9] a resume token alone takes back only the session that began when it says', async () => {
  const { asked, player } = playerOf({ authentication: Promise.resolve() });
  await asked.store.start();
  const identity = { ...ANYONE, userId: 'u', expiresAt: Date.now() + 60_000 };
  const claim = { userId: 'u', sessionId: 's', startedAt: 1_000, orStartedAt: [2_000], identity };
  const hello = player.hello({ type: 'hello', resume: issueResumeToken(asked.store.secret(), claim) });
  await turn();
  expect(asked.only('open').args[0]).toMatchObject({ intent: 'return', startedAt: 1_000, orStartedAt: [2_000] });
  await asked.only('open').answer({ outcome: 'gone' });
  await hello;
});

test('[P7] a socket whose own former id is named as displaced is told nothing', async () => {
  const { asked, node, player, told, owner, held } = playerOf();
  await held();
  player.lost('resume');
  const reopened = player.reopen();
  const session = { userId: 'u', sessionId: 's', via: 'socket', startedAt: 1_000, expiresAt: 9_000 } as const;
  const displaced = [{ session, owner, reason: 'moved' }] as const;
  await asked.only('open').answer({ ...OPENED, outcome: 'renewed', displaced });
  await reopened;
  expect(told).toEqual([]);
  expect(player.owner).toEqual(owner);
  expect(node.sessionsHeld).toBe(1);
});

test('[P7] a connection gets its number when its hello is received, however long its credentials are checked', async () => {
  let checked = (): void => {};
  const authentication = new Promise<void>((resolve) => {
    checked = resolve;
  });
  const { asked, node, player } = playerOf({ authentication });
  const numbered = { connection: 1, receivedAt: performance.now() };
  node.nextConnection = () => ({ ...numbered });
  const hello = player.hello({ ...HELLO, token: 'x' });
  numbered.connection = 2;
  checked();
  await turn();
  expect(asked.only('open').args[0]).toMatchObject({ owner: { connection: 1 } });
  await asked.only('open').answer(OPENED);
  await hello;
});

test.each([
  [0, undefined],
  [2_000, 'late'],
])('[P7] a hello that came %s ms before it is asked for is %s', async (agoMs, socketWas) => {
  const { asked, node, player } = playerOf();
  node.nextConnection = () => ({ connection: 7, receivedAt: performance.now() - agoMs });
  void player.hello(HELLO);
  await turn();
  expect(asked.only('open').args[0].socketWas).toBe(socketWas);
  await asked.only('open').answer(OPENED);
});

test.each([
  ['long before', -1_000, true],
  ['just before', -100, false],
  ['after', 100, false],
])('[P7] a session taken over by a socket whose hello came %s its own (%s ms) is taken back: %s', async (...args) => {
  const [, gapMs, isTakenBack] = args;
  const { asked, node, player, told, held } = playerOf();
  const numbers = [gapMs, 0].map((at) => new ConnectionNumbers(() => false).next(Date.now() + at));
  const [connection, own] = numbers as [number, number];
  node.nextConnection = () => ({ connection: own, receivedAt: performance.now() });
  const owner = node.owner(own);
  await held();
  player.displaced('moved', { sessionId: 's', connection });
  expect(told).toEqual(isTakenBack ? [] : ['evicted', 'closed replaced']);
  if (!isTakenBack) return;
  const reopened = player.reopen();
  expect(asked.only('open').args[0]).toMatchObject({ intent: 'resume', socketWas: 'held' });
  await asked.only('open').answer(OPENED);
  await reopened;
  expect(player.owner).toEqual(owner);
});

test('[P2] [P7] a session is not taken back by a socket from before the clock was set back', async () => {
  const { node, player, told, held } = playerOf();
  const numbers = new ConnectionNumbers(() => false);
  const own = numbers.next(Date.now());
  const backAt = Date.now() - 3_600_000;
  node.storeNow = () => backAt;
  node.nextConnection = () => ({ connection: own, receivedAt: performance.now() });
  await held();
  player.displaced('moved', { sessionId: 's', connection: numbers.next(backAt) });
  expect(told).toEqual(['evicted', 'closed replaced']);
});

test('[P7] whom a socket takes a session from is told its number, and its client nothing of that', async () => {
  const { asked, node, player } = playerOf();
  const notified: unknown[] = [];
  node.notify = (...all) => notified.push(all);
  const hello = player.hello(HELLO);
  await turn();
  const session = { userId: 'u', sessionId: 's', via: 'socket', startedAt: 1_000, expiresAt: 9_000 } as const;
  const displaced = [{ session, owner: { nodeId: 'other', connection: 3 }, reason: 'moved' }] as const;
  await asked.only('open').answer({ ...OPENED, outcome: 'renewed', displaced });
  await hello;
  expect(notified).toEqual([[displaced, { sessionId: 's', connection: 7 }]]);
});

test('[P7] who was overtaken before its hello was answered is asked to say hello again', async () => {
  const { asked, player, told } = playerOf();
  const hello = player.hello(HELLO);
  await turn();
  await asked.only('open').answer({ outcome: 'moved' });
  await hello;
  expect(told).toEqual(['problem overloaded', 'closed overloaded']);
});

test('[P7] who was let in unchecked says so, and is told when a later hello took its session over', async () => {
  const { asked, player, told } = playerOf({ outagePolicy: 'open' });
  const hello = player.hello(HELLO);
  await turn();
  await asked.only('open').lose();
  await hello;
  const reopened = player.reopen();
  expect(asked.only('open').args[0]).toMatchObject({ intent: 'resume', socketWas: 'late' });
  await asked.only('open').answer({ outcome: 'moved' });
  await reopened;
  expect(told).toEqual(['welcome degraded', 'evicted', 'closed replaced']);
});

test.each(['unchecked', 'held'])(
  '[P4] [P10] [W9] what is opened again for a player who was %s goes on with the start that its resume token names',
  async (state) => {
    const { asked, node, player, held, messages } = playerOf({ outagePolicy: 'open' });
    // Far from the clock of this process.
    node.storeNow = () => 5_000_000;
    if (state === 'held') {
      await held();
      player.lost('resume');
    } else {
      const hello = player.hello(HELLO);
      await turn();
      await asked.only('open').lose();
      await hello;
    }
    const { resumeToken } = messages[0] as Extract<ServerMessage, { type: 'welcome' }>;
    const claim = readResumeToken(asked.store.secret(), resumeToken as string);
    const reopened = player.reopen();
    const again = asked.only('open').args[0];
    expect(again).toMatchObject({ intent: 'resume', startedAt: claim?.startedAt, segment: 0 });
    if (state === 'held') expect(claim).toMatchObject({ startedAt: OPENED.startedAt });
    await asked.only('open').answer(OPENED);
    await reopened;
  },
);

test('[P4] an open says when its hello was taken up, by the clock of the store', async () => {
  const { asked, node, player } = playerOf();
  const from = performance.now();
  let askedAt = 0;
  node.storeNow = () => 9_000_000;
  node.suspect();
  // Only now the store tells its clock.
  node.check = async () => {
    askedAt = performance.now();
    await sleep(50);
    node.storeNow = () => 5_000_000 + performance.now() - from;
  };
  const hello = player.hello(HELLO);
  await until(() => asked.waiting('open').length > 0);
  const { startedAt } = asked.only('open').args[0] as OpenRequest;
  expect(startedAt).toBeGreaterThanOrEqual(5_000_000 - 1);
  expect(startedAt).toBeLessThanOrEqual(5_000_000 + askedAt - from + 1);
  await asked.only('open').answer(OPENED);
  await hello;
});

test('[P2] [P4] a hello to a process that does not know the time of the store yet waits for it', async () => {
  const { asked, node, player } = playerOf();
  hasClock(node, false);
  node.restored = async () => {
    const from = performance.now();
    node.storeNow = () => 5_000_000 + performance.now() - from;
    node.nextConnection = () => ({ connection: 8, receivedAt: performance.now() });
  };
  const hello = player.hello(HELLO);
  await turn();
  const { startedAt, owner } = asked.only('open').args[0] as OpenRequest;
  expect(owner).toMatchObject({ connection: 8 });
  expect(startedAt).toBeGreaterThanOrEqual(5_000_000 - 1);
  expect(startedAt).toBeLessThan(6_000_000);
  await asked.only('open').answer(OPENED);
  await hello;
});

test('[W9] [W19] a resume without an answer has a token for the session that was, and for one that begins', async () => {
  const { asked, node, player, messages } = playerOf({ outagePolicy: 'open', authentication: Promise.resolve() });
  node.storeNow = () => 5_000_000;
  await asked.store.start();
  const secret = asked.store.secret();
  const claim = { userId: 'u', sessionId: 's', startedAt: 1_000, orStartedAt: [2_000, 3_000, 4_000] };
  const hello = player.hello({ ...HELLO, token: 'x', resume: issueResumeToken(secret, claim) });
  await turn();
  const { startedAt } = asked.only('open').args[0];
  await asked.only('open').lose();
  await hello;
  const { resumeToken } = messages[0] as Extract<ServerMessage, { type: 'welcome' }>;
  const next = readResumeToken(secret, resumeToken as string);
  expect(next).toMatchObject({ startedAt, orStartedAt: [1_000, 2_000, 3_000] });
  const reopened = player.reopen();
  await asked.only('open').answer({ ...OPENED, outcome: 'renewed', startedAt: 2_000 });
  await reopened;
  expect(readResumeToken(secret, player.resumeToken().resumeToken as string)).toMatchObject({ startedAt: 2_000 });
  expect(readResumeToken(secret, player.resumeToken().resumeToken as string)).not.toHaveProperty('orStartedAt');
});

test('[P10] a hello in a shard where the node has no lease has it ask at once whether the store forgot', async () => {
  const { asked, node, player } = playerOf({ outagePolicy: 'open' });
  let checks = 0;
  node.check = async () => {
    checks += 1;
  };
  const hello = player.hello(HELLO);
  await turn();
  expect(checks).toBe(0);
  await asked.only('open').answer({ outcome: 'fenced' });
  await hello;
  expect(checks).toBe(1);
});

test('[P8] a node knows a player from its hello until its socket is gone', async () => {
  const { asked, node, player, socket } = playerOf();
  const hello = player.hello(HELLO);
  await turn();
  expect(node.sessionsHeld).toBe(1);
  socket.end('normal');
  expect(node.sessionsHeld).toBe(0);
  await asked.only('open').answer(OPENED);
  await hello;
  expect(node.sessionsHeld).toBe(0);
});

test('[P5] what is told while the open runs ends the socket, once', async () => {
  const { asked, player, told, messages } = playerOf();
  const hello = player.hello(HELLO);
  await turn();
  // Whose hello came first matters where a session is taken over, not where one makes room.
  const by = { sessionId: 'other', deviceType: 'tv', connection: 1 };
  player.displaced('evicted', by);
  player.displaced('evicted', by);
  await asked.only('open').answer(OPENED);
  await hello;
  expect(told).toEqual(['evicted', 'closed evicted']);
  expect(messages.at(-1)).toEqual({ type: 'evicted', reason: 'evicted', by: { sessionId: 'other', deviceType: 'tv' } });
});

test('[P8] who was let in unchecked leaves without waiting for the store', async () => {
  const { asked, player, told } = playerOf({ outagePolicy: 'open' });
  const hello = player.hello(HELLO);
  await turn();
  await asked.only('open').lose();
  await hello;
  await player.leave();
  expect(told).toEqual(['welcome degraded', 'closed normal']);
  expect(asked.waiting('close')).toEqual([]);
  expect(asked.waiting('detach')).toHaveLength(1);
});

test('[P7] another socket of this node is told that this one took its session over', async () => {
  const { asked, node, player, owner } = playerOf();
  const notified: unknown[] = [];
  node.notify = (...args) => notified.push(args);
  const hello = player.hello(HELLO);
  await turn();
  const session = { userId: 'u', sessionId: 's', via: 'socket', startedAt: 1_000, expiresAt: 9_000 } as const;
  const displaced = [{ session, owner: { ...owner, connection: 6 }, reason: 'moved' }] as const;
  await asked.only('open').answer({ ...OPENED, outcome: 'renewed', displaced });
  await hello;
  expect(notified).toMatchObject([[displaced, {}]]);
});

test('[P8] who leaves while the session is opened again leaves it under whatever owner it has by then', async () => {
  const { asked, node, player, told, held } = playerOf();
  const goOnAs = (id: string) => Object.assign(node, { id });
  await held();
  player.lost('resume');
  goOnAs('second');
  const lost = player.reopen();
  await asked.only('open').lose();
  await lost;
  const leave = player.leave();
  await turn();
  goOnAs('third');
  const reopened = player.reopen();
  await asked.only('close').answer({ outcome: 'moved' });
  await asked.only('open').answer({ ...OPENED, outcome: 'renewed' });
  await reopened;
  const { args, answer } = asked.only('close');
  expect(args[0]).toMatchObject({ owner: node.owner(7), reason: 'left' });
  await answer({ outcome: 'gone' });
  await leave;
  expect(told).toEqual(['closed normal']);
});

test('[P9] a former id is not given up while an open under it runs', async () => {
  const { asked, node, player } = playerOf({ beatMs: 10 });
  const { nodes } = asked.store;
  const { beat, quit } = nodes;
  await node.start();
  const former = node.nodeId;
  const hello = player.hello(HELLO);
  await turn();
  const quits: string[] = [];
  nodes.quit = async (nodeId) => {
    quits.push(nodeId);
    await quit.call(nodes, nodeId);
  };
  let isFenced = false;
  nodes.beat = async (nodeId, leaseMs) => {
    const result = await beat.call(nodes, nodeId, leaseMs);
    if (isFenced) return result;
    isFenced = true;
    return { ...result, outcome: 'fenced' };
  };
  try {
    await until(() => node.nodeId !== former);
    // Several beats, and longer than the pause before the first turn.
    await sleep(700);
    expect(quits).toEqual([]);
    await asked.only('open').answer(OPENED);
    await hello;
    await until(() => asked.waiting('open').length > 0);
    expect(quits).toEqual([]);
    expect(asked.only('open').args[0]).toMatchObject({ owner: node.owner(7), socketWas: 'held' });
    await asked.only('open').answer({ ...OPENED, outcome: 'renewed' });
    await until(() => quits.length > 0);
    expect(quits).toEqual([former]);
  } finally {
    await node.stop();
  }
});

test.each([
  ['is sure', [false, false], undefined],
  ['was not sure', [true, false], true],
  ['is not sure any more', [false, true], true],
])('[W12] a heartbeat of a node that %s of what the store answers', async (_, answers, degraded) => {
  const { asked, node, player, messages, held } = playerOf();
  await held();
  const unsure = [...answers];
  Object.defineProperty(node, 'isUnsure', { get: () => unsure.shift() });
  asked.store.reads.sessions = async () => [{ userId: 'u', online: true, lastSeenAt: null, max: 3, sessions: [] }];
  await player.heartbeat('1');
  expect(messages.at(-1)).toEqual({ type: 'heartbeat', id: '1', current: 0, max: 3, ...(degraded && { degraded }) });
});
