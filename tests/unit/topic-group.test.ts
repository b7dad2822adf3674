import { beforeEach, describe, expect, test } from '@jest/globals';
import { TopicGroup, type TopicSubscriber } from '../../gateway/subscriptions/topic-group.ts';
import { parseTopic, type Topic } from '../../gateway/subscriptions/topics.ts';
import type { Change } from '../../presence-core/index.ts';

const changes = (count: number, kind: Change['kind'] = 'open'): Change[] =>
  Array.from({ length: count }, () => ({ kind, userId: 'u', sessionId: 's', streamId: 'tnt' }) as Change);

describe('TopicGroup', () => {
  let group: TopicGroup;
  let turns: boolean[];
  const member = (mode: TopicSubscriber['mode']): TopicSubscriber => ({
    mode,
    deliver: () => {},
    send: () => {},
    change: (fast) => turns.push(fast),
    restart: () => {},
  });
  beforeEach(() => {
    turns = [];
    // 50 changes a second, looked at twice a second.
    group = new TopicGroup(parseTopic('all') as Topic, { summaryIntervalMs: 500, autoIntervalAbove: 50 });
  });

  test('[W27] turns fast at once, and slow only when an interval stays below half of the threshold', () => {
    group.members.add(member('auto'));
    group.count(changes(25));
    expect(turns).toEqual([]);
    group.count(changes(1));
    expect(turns).toEqual([true]);
    group.count(changes(100));
    group.tick();
    group.count(changes(13));
    group.tick();
    expect(turns).toEqual([true]);
    group.count(changes(12));
    group.tick();
    expect(turns).toEqual([true, false]);
  });

  test('only members in mode auto are told', () => {
    group.members.add(member('events')).add(member('interval'));
    group.count(changes(100));
    expect(group.fast).toBe(true);
    expect(turns).toEqual([]);
  });

  test('[W27] counts what comes and goes while somebody wants to know, until it is taken', () => {
    group.count(changes(7));
    group.tick();
    const summarised = member('interval');
    group.members.add(summarised);
    group.summarised.add(summarised);
    group.count(changes(3));
    group.tick();
    group.count(changes(2, 'close'));
    group.tick();
    expect(group.takeFlow()).toEqual({ opened: 3, closed: 2 });
    expect(group.takeFlow()).toEqual({ opened: 0, closed: 0 });
  });
});
