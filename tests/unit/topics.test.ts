import { describe, expect, test } from '@jest/globals';
import { TopicGroup } from '../../gateway/subscriptions/topic-group.ts';
import { TopicIndex } from '../../gateway/subscriptions/topic-index.ts';
import { dimensionOf, flowOf, parseTopic, streamsOf, type Topic } from '../../gateway/subscriptions/topics.ts';
import type { Change } from '../../presence-core/index.ts';

const change = (members: Partial<Change>): Change => ({
  kind: 'open',
  at: 1,
  userId: 'u',
  sessionId: 's',
  via: 'socket',
  streamId: 'tnt',
  startedAt: 1,
  segment: 0,
  segmentStartedAt: 1,
  sequence: 1,
  shard: 0,
  ...members,
});
const topic = (text: string): Topic => parseTopic(text) as Topic;
/** Whether a change is told to the only subscriber of a topic. */
function concerns(of: Topic, what: Change): boolean {
  const index = new TopicIndex();
  const group = new TopicGroup(index.sharing(of), { summaryIntervalMs: 1, autoIntervalAbove: 1 });
  index.add(group);
  const told = index.groupsOf(what);
  expect(told).toEqual(index.concerns(group, what) ? [group] : []);
  index.delete(group);
  expect(index.groupsOf(what)).toEqual([]);
  return told.length === 1;
}
const switched = change({
  kind: 'update',
  streamId: 'espn',
  previous: { streamId: 'tnt', segment: 0, segmentStartedAt: 1 },
});

describe('parseTopic', () => {
  test.each([
    'user:u',
    'user:a:b',
    'users:a,b,a',
    'stream:tnt',
    'all',
    'stats',
    `users:${Array.from({ length: 200 }, (_, i) => `u${i}`)}`,
  ])('[W23] takes %s', (text) => {
    expect(parseTopic(text)).toMatchObject({ text });
  });

  test.each([
    '',
    'user',
    'userx',
    'streams',
    'user:',
    'users:',
    'users:a,',
    'users:a b',
    'users:a%20b',
    'users:a,%zz',
    'stream:',
    'stream:*',
    'user:*',
    'All',
    'device:tv',
    `user:${'x'.repeat(256)}`,
    `users:${Array.from({ length: 201 }, (_, i) => `u${i}`)}`,
  ])('[W23] refuses %j', (text) => {
    expect(parseTopic(text)).toBeUndefined();
  });

  test('names each user once', () => {
    expect(topic('users:a,b,a').userIds).toEqual(['a', 'b']);
    expect(topic('user:a:b').userIds).toEqual(['a:b']);
  });
});

describe('which changes concern a topic', () => {
  test.each([
    ['user:u', true],
    ['user:tnt', false],
    ['users:x,u', true],
    ['users:x,y', false],
    ['stream:tnt', true],
    ['stream:u', false],
    ['all', true],
    ['stats', false],
  ])('an opening, %s: %s', (text, expected) => {
    expect(concerns(topic(text), change({}))).toBe(expected);
  });

  test('[W25] a switch is seen by both streams, once', () => {
    expect(concerns(topic('stream:tnt'), switched)).toBe(true);
    expect(concerns(topic('stream:espn'), switched)).toBe(true);
    const stays = change({ kind: 'update', previous: { streamId: 'tnt', segment: 0, segmentStartedAt: 1 } });
    expect(streamsOf(stays)).toEqual(['tnt']);
    expect(streamsOf(switched)).toEqual(['espn', 'tnt']);
  });

  test('[W25] a presence-only mark is of its user and of all, never of a stream', () => {
    const { streamId: _, ...bare } = change({ sessionId: '*', via: 'presence' });
    const mark = bare as Change;
    expect(['user:u', 'all', 'stream:tnt'].map((text) => concerns(topic(text), mark))).toEqual([true, true, false]);
    expect(flowOf(topic('all'), mark)).toEqual({ opened: 0, closed: 0 });
  });
});

describe('flowOf', () => {
  test.each([
    ['all', change({}), 1, 0],
    ['all', change({ kind: 'close' }), 0, 1],
    ['all', switched, 0, 0],
    ['user:u', switched, 0, 0],
    ['stream:tnt', change({}), 1, 0],
    ['stream:tnt', change({ kind: 'close' }), 0, 1],
    ['stream:tnt', switched, 0, 1],
    ['stream:espn', switched, 1, 0],
  ] as const)('%s %#', (text, of, opened, closed) => {
    expect(flowOf(topic(text), of)).toEqual({ opened, closed });
  });
});

test('dimensionOf', () => {
  expect(dimensionOf(topic('all'))).toEqual({ by: 'total' });
  expect(dimensionOf(topic('stream:a:b'))).toEqual({ by: 'stream', key: 'a:b' });
  expect(dimensionOf(topic('user:u'))).toBeUndefined();
});
