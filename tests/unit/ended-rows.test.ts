import { expect, test } from '@jest/globals';
import { endedRow } from '../../gateway/history/ended-rows.ts';
import type { Change } from '../../presence-core/index.ts';

const CLOSE: Change = {
  kind: 'close',
  at: 9_000,
  userId: 'ann',
  sessionId: 'tv',
  via: 'socket',
  streamId: 'espn',
  deviceType: 'android',
  country: 'US',
  state: 'CA',
  startedAt: 1_000,
  segment: 1,
  segmentStartedAt: 4_000,
  reason: 'timeout',
  sequence: 7,
  shard: 3,
};

test('a close ends the row of its last segment', () => {
  expect(endedRow(CLOSE)).toEqual({
    userId: 'ann',
    sessionId: 'tv',
    sessionStartedAt: 1_000,
    segment: 1,
    streamId: 'espn',
    deviceType: 'android',
    country: 'US',
    state: 'CA',
    startedAt: 4_000,
    endedAt: 9_000,
    watchedMs: 5_000,
    reason: 'timeout',
    via: 'socket',
  });
});

test('a session that never named a stream ends a row without one', () => {
  const { streamId, deviceType, country, state, ...bare } = CLOSE;
  const row = endedRow({ ...bare, segment: 0, segmentStartedAt: 1_000 });
  expect(row).toMatchObject({ segment: 0, watchedMs: 8_000 });
  expect(Object.keys(row as object)).not.toContain('streamId');
});

test('a switch ends the row of the former stream, with the place it was watched at', () => {
  const previous = { streamId: 'tnt', deviceType: 'apple', segment: 0, segmentStartedAt: 1_000 };
  // Restored after a rollback, it is told later than it was.
  const row = endedRow({ ...CLOSE, kind: 'update', reason: undefined as never, at: 4_500, previous });
  expect(row).toEqual({
    userId: 'ann',
    sessionId: 'tv',
    sessionStartedAt: 1_000,
    segment: 0,
    streamId: 'tnt',
    deviceType: 'apple',
    startedAt: 1_000,
    endedAt: 4_000,
    watchedMs: 3_000,
    reason: 'switched',
    via: 'socket',
  });
});

test.each<[string, Partial<Change>]>([
  ['an open', { kind: 'open' }],
  ['an update of the place', { kind: 'update', previous: { streamId: 'espn', segment: 1, segmentStartedAt: 4_000 } }],
  ['the first stream of a session', { kind: 'update', previous: { segment: 0, segmentStartedAt: 1_000 } }],
  [
    'a switch after less than a second',
    { kind: 'update', previous: { streamId: 'tnt', segment: 0, segmentStartedAt: 3_001 } },
  ],
  ['the end of a presence-only mark', { via: 'presence' }],
])('%s ends no row', (_, change) => {
  const { reason, ...open } = CLOSE;
  expect(endedRow(change.via ? { ...CLOSE, ...change } : { ...open, ...change })).toBeUndefined();
});

test('a switch after a second ends a row', () => {
  const previous = { streamId: 'tnt', segment: 0, segmentStartedAt: 3_000 };
  const { reason, ...open } = CLOSE;
  expect(endedRow({ ...open, kind: 'update', previous })).toMatchObject({ streamId: 'tnt', watchedMs: 1_000 });
});

test('a clock that went back gives no negative time', () => {
  expect(endedRow({ ...CLOSE, at: 3_900 })).toMatchObject({ startedAt: 4_000, endedAt: 4_000, watchedMs: 0 });
});
