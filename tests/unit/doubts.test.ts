/** Acts without an answer, by a store whose answers the test gives by hand (P7). */
import { beforeEach, expect, test } from '@jest/globals';
import { VirtualTime } from '../support/virtual-time.ts';

const time = new VirtualTime();
time.install();
const { AskedStore } = await import('../support/asked-store.ts');
const { Doubts } = await import('../../gateway/node/doubts.ts');
const { StoreError } = await import('../../presence-core/index.ts');

const LATE_MS = 3_000;
const OPEN = { sessionId: 's', attributes: {}, leaseMs: 60_000, intent: 'fresh' } as const;
const SOCKET = { nodeId: 'n', connection: 1 };

let asked: InstanceType<typeof AskedStore>;
let doubts: InstanceType<typeof Doubts>;
let isAnswering: boolean;
let checks: number;
let asks: (string[] | 'all')[];

beforeEach(() => {
  time.clear();
  asked = new AskedStore('open', 'kick', 'close', 'detach', 'update');
  isAnswering = true;
  checks = 0;
  asks = [];
  doubts = new Doubts(() => ({
    get hasLease() {
      return isAnswering;
    },
    check: async () => {
      checks += 1;
    },
    askRenewals: async (users) => void asks.push(users === 'all' ? users : [...users]),
  }));
});

const sessions = () => doubts.ofSessions(asked.store.sessions);
const caught = async (act: Promise<unknown>): Promise<unknown> => act.catch((error) => error);
const unanswered = { code: 'store_unavailable' };

test.each([
  ['an open', 'open', () => sessions().open({ ...OPEN, userId: 'u', owner: SOCKET })],
  [
    'a beat that evicts',
    'open',
    () => sessions().open({ ...OPEN, userId: 'u', owner: 'heartbeat', intent: 'beat', onLimit: 'evict-oldest' }),
  ],
  [
    'a beat that replaces',
    'open',
    () => sessions().open({ ...OPEN, userId: 'u', owner: 'heartbeat', intent: 'beat', replace: ['r'] }),
  ],
  ['a kick', 'kick', () => sessions().kick('u')],
  ['a kick of one session', 'close', () => sessions().close({ userId: 'u', sessionId: 's', reason: 'kicked' })],
] as const)('[P7] whom %s without an answer displaced finds out when the store answers', async (_, verb, act) => {
  isAnswering = false;
  const result = caught(act());
  await asked.only(verb).lose();
  expect(await result).toMatchObject(unanswered);
  await time.pass(10_000);
  expect(checks).toBeGreaterThan(5);
  expect(asks).toEqual([]);
  isAnswering = true;
  await time.pass(1_000);
  expect(asks).toEqual([['u']]);
  // What was late has run by then.
  await time.pass(LATE_MS - 1_001);
  expect(asks).toHaveLength(1);
  await time.pass(1_001);
  expect(asks).toEqual([['u'], ['u']]);
  await time.pass(60_000);
  expect(asks).toHaveLength(2);
});

test.each([
  [
    'a beat that displaces nobody',
    'open',
    () => sessions().open({ ...OPEN, userId: 'u', owner: 'heartbeat', intent: 'beat', onLimit: 'reject' }),
  ],
  [
    'a socket that closes its own',
    'close',
    () => sessions().close({ userId: 'u', sessionId: 's', owner: SOCKET, reason: 'left' }),
  ],
  ['a detach', 'detach', () => sessions().detach([{ userId: 'u', sessionId: 's', owner: SOCKET }], 1)],
  ['an update', 'update', () => sessions().update({ userId: 'u', sessionId: 's', attributes: {} })],
] as const)('[P7] nobody is asked for %s', async (_, verb, act) => {
  const result = caught(act());
  await asked.only(verb).lose();
  expect(await result).toMatchObject(unanswered);
  await time.pass(60_000);
  expect([checks, asks]).toEqual([0, []]);
});

test.each(['overloaded', 'internal'] as const)('[P7] [P14] nor for an act that was not sent: %s', async (code) => {
  const result = caught(sessions().kick('u'));
  await asked.only('kick').fail(new StoreError(code, 'no'));
  expect(await result).toMatchObject({ code });
  await time.pass(60_000);
  expect([checks, asks]).toEqual([0, []]);
});

test('[P5] [P7] a notice that got no answer may be lost', async () => {
  const { inbox } = asked.store;
  inbox.notify = async () => {
    throw new StoreError('store_unavailable', 'no answer in time');
  };
  const session = { userId: 'u', sessionId: 's', via: 'socket', startedAt: 1, expiresAt: 2 } as const;
  const notified = caught(doubts.ofInbox(inbox).notify([{ session, owner: SOCKET, reason: 'evicted' }]));
  expect(await notified).toMatchObject(unanswered);
  await time.pass(LATE_MS);
  expect(asks).toEqual([['u'], ['u']]);
});

test('[P7] an act whose answer is lost while another is waited for is asked for within its own time', async () => {
  const lose = async (userId: string): Promise<void> => {
    void caught(sessions().kick(userId));
    await asked.only('kick').lose();
  };
  await lose('u');
  await time.pass(500);
  await lose('v');
  await time.pass(1_000);
  expect(asks).toEqual([['u'], ['v']]);
  await time.pass(LATE_MS);
  expect(asks).toEqual([['u'], ['v'], ['u'], ['v']]);
});

test('[P7] acts of a burst are asked for together, and of more than 1,000 users for all', async () => {
  const lose = async (count: number, name: string): Promise<void> => {
    for (let i = 0; i < count; i += 1) void caught(sessions().kick(`${name}${i}`));
    for (const kick of asked.waiting('kick')) await kick.lose();
  };
  await lose(1, 'first');
  await lose(1_000, 'u');
  await time.pass(2 * LATE_MS);
  await lose(1, 'next');
  await lose(1_001, 'v');
  await time.pass(2 * LATE_MS);
  const counts = asks.map((users) => (users === 'all' ? users : users.length));
  // Each twice, the second burst a second after the first.
  expect(counts).toEqual([1, 1_000, 1, 1_000, 1, 'all', 1, 'all']);
});
