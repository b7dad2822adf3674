/** What the load tester insists on while it runs: by messages given by hand, right ones and wrong ones. */
import { beforeEach, describe, expect, test } from '@jest/globals';
import { ChangeWatch } from '../../bench/load/change-watch.ts';
import { LimitWatch } from '../../bench/load/limit-watch.ts';
import { markMeta, markOf } from '../../bench/load/mark.ts';
import type { ChangeView, SessionView, TopicMessage } from '../../gateway/protocol/messages.ts';

let violations: string[];
beforeEach(() => {
  violations = [];
});
const violation = (text: string): void => void violations.push(text);

test('a mark survives the meta of a session', () => {
  expect(markOf(markMeta({ n: 7, sure: 5, dueMs: 1_234.567 }))).toEqual({ n: 7, sure: 5, dueMs: 1_234.567 });
  expect(markOf({ other: 'text' })).toBeUndefined();
  expect(markOf(undefined)).toBeUndefined();
});

describe('the limit', () => {
  const right = { current: 1, max: 2, isDegraded: false, isNew: true };
  let watch: LimitWatch;
  beforeEach(() => {
    watch = new LimitWatch(violation);
  });

  test('holds for as many as may be, and for whoever leaves in between', () => {
    for (let i = 0; i < 5; i++) {
      watch.admitted('ann', right, i);
      watch.admitted('ann', { ...right, current: 2 }, i);
      watch.released('ann', i);
      watch.released('ann', i);
    }
    watch.check(60_000);
    expect([violations, watch.checked]).toEqual([[], 10]);
  });

  test('is broken by an answer above it', () => {
    watch.admitted('ann', { ...right, current: 3 }, 0);
    expect(violations).toEqual(['limit: ann was admitted as session 3 of 2']);
  });

  test('may be lower than what a session that goes on was admitted by', () => {
    watch.admitted('ann', { ...right, current: 3, isNew: false }, 0);
    expect(violations).toEqual([]);
  });

  test('is broken, once, when more sockets are held than may be for 5 s, whatever the answers say', () => {
    for (let i = 0; i < 3; i++) watch.admitted('ann', right, 1_000);
    watch.check(5_999);
    expect(violations).toEqual([]);
    watch.check(6_000);
    watch.check(7_000);
    expect(violations).toEqual(['limit: ann holds 3 sessions of 2 for 5 s']);
  });

  test('is not broken by an eviction that is told a moment later', () => {
    for (let i = 0; i < 3; i++) watch.admitted('ann', right, 1_000);
    watch.released('ann', 2_000);
    watch.check(60_000);
    expect(violations).toEqual([]);
  });

  test('does not count for whom the server let in unchecked, and said so', () => {
    watch.admitted('ann', { isDegraded: true, isNew: true }, 0);
    for (let i = 0; i < 5; i++) watch.admitted('ann', { ...right, current: 9 }, 0);
    watch.check(60_000);
    expect(violations).toEqual([]);
  });

  test('heartbeats are judged by their answers only', () => {
    for (let i = 0; i < 5; i++) watch.admitted('ann', right, 0, false);
    watch.check(60_000);
    expect(violations).toEqual([]);
    watch.admitted('ann', { ...right, current: 3 }, 0, false);
    expect(violations).toHaveLength(1);
  });
});

describe('changes', () => {
  const meta = (n: number, sure = n - 1): Record<string, string> => markMeta({ n, sure, dueMs: 0 });
  const change = (kind: ChangeView['kind'], n?: number, more: Partial<ChangeView> = {}): ChangeView => ({
    kind,
    userId: 'p-u1',
    sessionId: 's',
    streamId: 'a',
    at: 0,
    ...(n === undefined ? {} : { meta: meta(n) }),
    ...more,
  });
  const changes = (...list: ChangeView[]): TopicMessage => ({
    type: 'changes',
    topic: 't',
    changes: list,
    cursor: 'c',
  });
  const page = (sessions: Partial<SessionView>[] = [], at = 0, last = true): TopicMessage => ({
    type: 'snapshot',
    topic: 't',
    page: at,
    last,
    sessions: sessions.map((each) => ({ userId: 'p-u1', sessionId: 's', via: 'socket', startedAt: 0, ...each })),
    cursor: 'c',
  });
  const watchOf = (topic = 'all'): ChangeWatch =>
    new ChangeWatch({ topic, isOurs: (userId) => userId.startsWith('p-'), violation });
  const take = (watch: ChangeWatch, ...messages: TopicMessage[]): ChangeWatch => {
    for (const message of messages) watch.take(message);
    return watch;
  };
  const life = [change('open', 1), change('update', 2), change('update', 3), change('close')];

  test('each once and in order are right', () => {
    const watch = take(watchOf(), page(), changes(...life), changes(change('open', 1)));
    expect([violations, watch.checked, watch.told, watch.inView]).toEqual([[], 5, 4, ['p-u1/s']]);
  });

  test('a session of the snapshot goes on from what the snapshot says', () => {
    take(watchOf(), page([{ meta: meta(4) }]), changes(change('update', 5), change('close')));
    expect(violations).toEqual([]);
  });

  test('a change whose outcome nobody knows may be told or not', () => {
    // The second was not answered: the third does not count on it.
    take(watchOf(), page(), changes(change('open', 1), change('update', 3, { meta: meta(3, 1) })));
    take(watchOf(), page(), changes(change('open', 1), change('update', 2), change('update', 3, { meta: meta(3, 1) })));
    expect(violations).toEqual([]);
  });

  test.each<[string, ChangeView[], string]>([
    ['an update twice', [life[0], life[1], life[1]] as ChangeView[], 'all: change 2 of p-u1/s told twice'],
    ['an open as an update', [life[0], change('update', 1)] as ChangeView[], 'all: change 1 of p-u1/s told twice'],
    ['the order', [life[0], life[2], life[1]] as ChangeView[], 'all: of 2 changes of p-u1/s before 3, 1 were told'],
    ['an open twice', [life[0], life[0]] as ChangeView[], 'all: p-u1/s opened twice'],
    ['a close twice', [life[0], life[3], life[3]] as ChangeView[], 'all: p-u1/s closed twice'],
    ['an update left out', [life[0], life[2]] as ChangeView[], 'all: of 2 changes of p-u1/s before 3, 1 were told'],
    ['an open left out', [life[1]] as ChangeView[], 'all: p-u1/s updated before it was opened'],
  ])('%s is found', (_, list, text) => {
    take(watchOf(), page(), changes(...list));
    expect(violations[0]).toBe(text);
  });

  test('one that is missing is told once', () => {
    take(watchOf(), page(), changes(change('open', 1), change('update', 3), change('update', 4), change('update', 5)));
    expect(violations).toHaveLength(1);
  });

  test('an older one after a newer one is found', () => {
    take(watchOf(), page(), changes(change('open', 1), change('update', 3, { meta: meta(3, 1) }), change('update', 2)));
    expect(violations).toEqual(['all: change 2 of p-u1/s told after 3']);
  });

  test('changes within a snapshot are found, and a session twice in it', () => {
    take(watchOf(), page([], 0, false), changes(change('open', 1)));
    take(watchOf(), page([{}, {}]));
    expect(violations).toEqual(['all: changes before the end of a snapshot', 'all: p-u1/s is in a snapshot twice']);
  });

  test('a close by timeout may be of a session that was never seen', () => {
    take(watchOf(), page(), changes(change('close', undefined, { reason: 'timeout' })));
    expect(violations).toEqual([]);
  });

  test('a snapshot anew begins the view anew', () => {
    const watch = take(watchOf(), page(), changes(change('open', 1)), page(), changes(change('open', 1)));
    expect([violations, watch.hasResynced]).toEqual([[], true]);
  });

  test('a stream sees those who come and go by a switch', () => {
    const to = (streamId: string, n: number): ChangeView => change('update', n, { streamId });
    const watch = take(watchOf('stream:a'), page(), changes(to('a', 4), to('b', 5), to('a', 9), change('close')));
    expect([violations, watch.inView]).toEqual([[], []]);
    take(watch, changes(to('a', 4), to('a', 4)));
    expect(violations).toEqual(['stream:a: change 4 of p-u1/s told twice']);
  });

  test('what was on its way when a session came into view counts as told', () => {
    const here = { streamId: 'a' };
    take(
      watchOf('stream:a'),
      page(),
      changes(change('update', 4, { ...here, meta: meta(4, 1) }), change('update', 5, { ...here, meta: meta(5, 4) })),
    );
    expect(violations).toEqual([]);
  });

  test('sessions of others pass', () => {
    const other = { userId: 'ann' };
    take(watchOf(), page([other, other]), changes(change('open', 1, other), change('open', 1, other)));
    expect(violations).toEqual([]);
  });

  test('what carries no mark is judged by opens and closes', () => {
    take(watchOf(), page(), changes(change('open'), change('update'), change('update'), change('close')));
    expect(violations).toEqual([]);
    take(watchOf(), page(), changes(change('open'), change('open')));
    expect(violations).toHaveLength(1);
  });
});
