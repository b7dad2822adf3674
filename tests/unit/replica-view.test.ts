import { describe, expect, test } from '@jest/globals';
import { statusAt } from '../../gateway/replica/statuses.ts';
import { View } from '../../gateway/replica/view.ts';
import { type Change, PRESENCE_ONLY, type UserStatus } from '../../presence-core/index.ts';

const change = (kind: Change['kind'], userId: string, sessionId: string, more: Partial<Change> = {}): Change => ({
  kind,
  at: 1_000,
  userId,
  sessionId,
  via: 'heartbeat',
  startedAt: 1_000,
  segment: 0,
  segmentStartedAt: 1_000,
  sequence: 1,
  shard: 0,
  ...more,
});

/** A view after these changes, all of which must fit. */
function viewOf(...changes: Change[]): View {
  const view = new View(100);
  for (const each of changes) expect([each, view.apply(each)]).toEqual([each, true]);
  return view;
}

/** Undefined of whom the view does not know. */
function statusIn(view: View, userId: string, now: number): UserStatus | undefined {
  const statuses = view.status([userId], now);
  return statuses.unknown.length === 0 ? statusAt(statuses, 0) : undefined;
}

const online = { transition: 'online' } as const;
const offline = { transition: 'offline' } as const;
const US = { country: 'US', state: 'CA' };

describe('a view counts', () => {
  test('[P12] the worked case of the contract', () => {
    const view = viewOf(
      change('open', 'U1', 'a', { ...online, streamId: 'TNT', deviceType: 'android', ...US }),
      change('open', 'U2', 'a', { ...online, streamId: 'ESPN', deviceType: 'apple', country: 'US', state: 'TX' }),
      change('open', 'U3', 'a', { ...online, streamId: 'ESPN', deviceType: 'apple', country: 'US', state: 'NY' }),
      change('open', 'U1', 'b', { streamId: 'ABC', deviceType: 'android', ...US }),
    );
    expect(view.count({ by: 'total' })).toEqual({ users: 3, sessions: 4 });
    expect(view.count({ by: 'stream', key: 'ESPN' })).toEqual({ users: 2, sessions: 2 });
    expect(view.count({ by: 'deviceType', key: 'android' })).toEqual({ users: 1, sessions: 2 });
    expect(view.count({ by: 'state', ...US })).toEqual({ users: 1, sessions: 2 });
    expect(view.top('stream', 2)).toEqual([
      { key: 'ESPN', users: 2, sessions: 2 },
      { key: 'ABC', users: 1, sessions: 1 },
    ]);
    expect(view.viewing('U1')).toEqual({ sessions: 2, streams: 2, devices: 1 });
  });

  test('[P12] an update moves what differs, and a count at zero is gone', () => {
    const view = viewOf(
      change('open', 'u', 'a', { ...online, streamId: 'x', deviceType: 'tv', ...US }),
      change('update', 'u', 'a', { streamId: 'y', deviceType: 'tv', ...US }),
    );
    expect(view.top('stream', 10)).toEqual([{ key: 'y', users: 1, sessions: 1 }]);
    expect(view.top('deviceType', 10)).toEqual([{ key: 'tv', users: 1, sessions: 1 }]);
    expect(view.apply(change('close', 'u', 'a', offline))).toBe(true);
    expect(view.top('state', 10)).toEqual([]);
    expect(view.count({ by: 'total' })).toEqual({ users: 0, sessions: 0 });
  });

  test('[P12] a presence-only mark as a user in the total, and nowhere else', () => {
    const view = viewOf(change('open', 'u', PRESENCE_ONLY, online));
    expect(view.count({ by: 'total' })).toEqual({ users: 1, sessions: 0 });
    expect(statusIn(view, 'u', 5)).toEqual({ userId: 'u', online: true, sessions: 0, lastSeenAt: 5 });
    expect(view.viewing('u')).toEqual({ sessions: 0, streams: 0, devices: 0 });
  });

  test('the first of many without sorting them all, in the order that sorting gives', () => {
    const view = new View(0);
    const keys = Array.from({ length: 500 }, (_, i) => `s${(i * 7) % 311}`);
    for (const [i, streamId] of keys.entries()) {
      view.add({ userId: `u${i}`, sessionId: 'a', streamId, via: 'guard', startedAt: 1 });
    }
    const all = view.top('stream', 1_000);
    const sorted = all.toSorted((a, b) => b.sessions - a.sessions || (a.key < b.key ? -1 : 1));
    expect(all).toEqual(sorted);
    expect(all).toHaveLength(311);
    for (const limit of [1, 2, 7, 100, 310]) expect(view.top('stream', limit)).toEqual(sorted.slice(0, limit));
  });
});

describe('of a user a view tells', () => {
  test('[P3] online while any session lives, and then when it ended; nothing of whom it never saw', () => {
    const view = viewOf(change('open', 'u', 'a', online), change('open', 'u', 'b'), change('close', 'u', 'a'));
    expect(statusIn(view, 'u', 7)).toEqual({ userId: 'u', online: true, sessions: 1, lastSeenAt: 7 });
    expect(view.apply(change('close', 'u', 'b', { ...offline, at: 4_000 }))).toBe(true);
    expect(statusIn(view, 'u', 7)).toEqual({ userId: 'u', online: false, sessions: 0, lastSeenAt: 4_000 });
    expect(statusIn(view, 'v', 7)).toBeUndefined();
  });

  test('[P5] nothing between the end of one session and the opening of its successor', () => {
    const view = viewOf(
      change('open', 'u', 'a', online),
      change('close', 'u', 'a', { ...offline, at: 2_000 }),
      change('open', 'u', 'b', online),
      change('close', 'u', 'b', { reason: 'evicted' }),
    );
    expect(statusIn(view, 'u', 7)).toBeUndefined();
    expect(view.apply(change('open', 'u', 'c'))).toBe(true);
    expect(statusIn(view, 'u', 7)).toMatchObject({ online: true });
  });

  test('[P14] when at most so many of the last to leave were seen', () => {
    const view = new View(4);
    for (let i = 0; i < 10; i++) {
      view.apply(change('open', `u${i}`, 'a', online));
      view.apply(change('close', `u${i}`, 'a', offline));
    }
    const known = Array.from({ length: 10 }, (_, i) => `u${i}`).filter((userId) => statusIn(view, userId, 7));
    expect(known).toEqual(['u6', 'u7', 'u8', 'u9']);
    const none = new View(0);
    none.apply(change('open', 'u', 'a', online));
    none.apply(change('close', 'u', 'a', offline));
    expect(statusIn(none, 'u', 7)).toBeUndefined();
  });
});

describe('a change that does not follow is told', () => {
  test.each([
    ['an opening of what is live', change('open', 'u', 'a')],
    ['an end of what is not live', change('close', 'u', 'b')],
    ['an update of what is not live', change('update', 'v', 'a')],
    ['coming online of who is', change('open', 'u', 'b', online)],
    ['going offline with a session left', change('close', 'u', 'a', offline)],
  ])('%s', (_, wrong) => {
    const view = viewOf(change('open', 'u', 'a', online), change('open', 'u', 'z'));
    expect(view.apply(wrong)).toBe(false);
  });
});
