/** Summaries of many topics: what is asked at once, and what is told when that fails. */
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { Summaries } from '../../gateway/subscriptions/summaries.ts';
import { TopicGroup, type TopicSubscriber } from '../../gateway/subscriptions/topic-group.ts';
import { parseTopic, type Topic } from '../../gateway/subscriptions/topics.ts';
import { type PresenceStore, StoreError, type UserStatus } from '../../presence-core/index.ts';
import { until } from '../support/servers.ts';

const INTERVAL_MS = 20;

let asked: number[];
let failing: (userIds: readonly string[]) => Error | undefined;
let told: Map<string, { type: string; users?: number; problem?: object }[]>;
let groups: Map<string, TopicGroup>;
let summaries: Summaries;
let isDegraded: boolean;
let counting: () => void;
const logged = jest.fn();

const status = async (userIds: readonly string[]): Promise<UserStatus[]> => {
  asked.push(userIds.length);
  const error = failing(userIds);
  if (error) throw error;
  return userIds.map((userId) => ({ userId, online: true, sessions: 1, lastSeenAt: 0 }));
};

function subscribe(text: string): void {
  const group = new TopicGroup(parseTopic(text) as Topic, { summaryIntervalMs: INTERVAL_MS, autoIntervalAbove: 1 });
  told.set(text, []);
  const send = (frame: string) => told.get(text)?.push(JSON.parse(frame));
  const member: TopicSubscriber = { mode: 'interval', send, deliver() {}, change() {}, restart() {} };
  group.members.add(member);
  group.summarised.add(member);
  groups.set(text, group);
}

beforeEach(() => {
  [asked, told, groups, failing] = [[], new Map(), new Map(), () => undefined];
  logged.mockClear();
  [isDegraded, counting] = [false, () => {}];
  const counts = async () => {
    counting();
    return [{ users: 7, sessions: 9 }];
  };
  const store = { reads: { status, counts } } as unknown as PresenceStore;
  summaries = new Summaries(
    store,
    groups,
    INTERVAL_MS,
    { isQuiet: () => false, isDegraded: () => isDegraded },
    { error: logged },
  );
});
afterEach(() => summaries.stop());

const users = (name: string, count: number): string =>
  `users:${Array.from({ length: count }, (_, i) => `${name}-${i}`).join()}`;

test('[W27] 300 topics of 200 users each are all summarised, and asked for in slices', async () => {
  for (let i = 0; i < 300; i++) subscribe(users(`t${i}`, 200));
  subscribe('all');
  summaries.start();
  await until(() => [...told.values()].every((frames) => frames.length > 0));
  expect(told.get(users('t7', 200))?.[0]).toMatchObject({ type: 'interval', users: 200, sessions: 200 });
  expect(told.get('all')?.[0]).toMatchObject({ type: 'interval', users: 7, sessions: 9 });
  expect(Math.max(...asked)).toBeLessThanOrEqual(1_000);
});

test('[W27] what cannot be counted is said of its topics, once until it can be; the others are summarised', async () => {
  const faulty = users('faulty', 200);
  for (let i = 0; i < 20; i++) subscribe(users(`t${i}`, 200));
  subscribe(faulty);
  const away = new StoreError('overloaded', 'too much in flight');
  failing = (userIds) => (userIds.includes('faulty-0') ? away : undefined);
  summaries.start();
  await until(() => (told.get(users('t0', 200))?.length ?? 0) >= 4);
  expect(told.get(faulty)).toEqual([
    { type: 'error', problem: expect.objectContaining({ code: 'overloaded', topic: faulty, status: 503 }) },
  ]);
  failing = () => undefined;
  await until(() => told.get(faulty)?.at(-1)?.type === 'interval');
  failing = () => new TypeError('a bug');
  await until(() => told.get(faulty)?.at(-1)?.type === 'error');
  expect(logged).toHaveBeenCalled();
  expect(
    told
      .get(faulty)
      ?.map(({ type }) => type)
      .filter((type) => type === 'error'),
  ).toHaveLength(2);
});

test.each([
  ['ends', true],
  ['begins', false],
])(
  '[P10] [W27] a summary is marked when the time in which sessions may be missing %s while it is counted',
  async (_, before) => {
    subscribe('all');
    isDegraded = before;
    counting = () => {
      isDegraded = !before;
    };
    summaries.start();
    await until(() => (told.get('all')?.length ?? 0) > 0);
    expect(told.get('all')?.[0]).toMatchObject({ type: 'interval', degraded: true });
  },
);
