import { beforeEach, describe, expect, test } from '@jest/globals';
import { TopicGroup, type TopicSubscriber } from '../../gateway/subscriptions/topic-group.ts';
import { parseTopic, type Topic } from '../../gateway/subscriptions/topics.ts';
import type { Change } from '../../presence-core/index.ts';

const changes = (count: number, kind: Change['kind'] = 'open'): Change[] =>
  Array.from({ length: count }, () => ({ kind, userId: 'u', sessionId: 's', streamId: 'tnt' }) as Change);

describe('TopicGroup', () => {
  let channel: TopicGroup;
  let turns: boolean[];
  const member = (mode: TopicSubscriber['mode']): TopicSubscriber => ({
    mode,
    deliver: () => {},
    summarise: () => {},
    change: (fast) => turns.push(fast),
    restart: () => {},
  });
  beforeEach(() => {
    turns = [];
    // 50 changes a second, looked at twice a second.
    channel = new TopicGroup(parseTopic('all') as Topic, { summaryIntervalMs: 500, autoIntervalAbove: 50 });
  });

  test('[W27] turns fast at once, and slow only when an interval stays below half of the threshold', () => {
    channel.members.add(member('auto'));
    channel.count(changes(25));
    expect(turns).toEqual([]);
    channel.count(changes(1));
    expect(turns).toEqual([true]);
    channel.count(changes(100));
    channel.tick();
    channel.count(changes(13));
    channel.tick();
    expect(turns).toEqual([true]);
    channel.count(changes(12));
    channel.tick();
    expect(turns).toEqual([true, false]);
  });

  test('only members in mode auto are told', () => {
    channel.members.add(member('events')).add(member('interval'));
    channel.count(changes(100));
    expect(channel.fast).toBe(true);
    expect(turns).toEqual([]);
  });

  test('[W27] counts what comes and goes while somebody wants to know, until it is taken', () => {
    channel.count(changes(7));
    channel.tick();
    const summarised = member('interval');
    channel.members.add(summarised);
    channel.summarised.add(summarised);
    channel.count(changes(3));
    channel.tick();
    channel.count(changes(2, 'close'));
    channel.tick();
    expect(channel.takeFlow()).toEqual({ opened: 3, closed: 2 });
    expect(channel.takeFlow()).toEqual({ opened: 0, closed: 0 });
  });
});
