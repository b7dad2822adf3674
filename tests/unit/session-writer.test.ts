/** How the writer of ended sessions stops, over a change log and a database whose answers the test gives. */
import { expect, test } from '@jest/globals';
import { type EndedSession, HistoryError } from '../../gateway/history/index.ts';
import { SessionWriter } from '../../gateway/history/session-writer.ts';
import type { Change, TakenChanges } from '../../presence-core/index.ts';

const LONG_MS = 60_000;
const tick = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function closeOf(userId: string): Change {
  const session = { userId, sessionId: 's', via: 'socket', streamId: 'film', startedAt: 1, segment: 0 } as const;
  return { ...session, kind: 'close', at: 2, segmentStartedAt: 1, reason: 'left', sequence: 1, shard: 0 };
}

/** Each `take` that waits is answered by `give`; others find the log empty. */
function begin() {
  const state = {
    away: false,
    attempts: 0,
    rows: [] as EndedSession[],
    acknowledged: 0,
    left: 0,
    lines: [] as string[],
  };
  const waiting: ((taken: TakenChanges) => void)[] = [];
  const taken = (...changes: Change[]): TakenChanges => ({ changes, lost: 0, backlog: 0, receipt: undefined });
  const line =
    (level: string) =>
    (_: object, message: string): void => {
      state.lines.push(`${level}: ${message}`);
    };
  const writer = new SessionWriter({
    group: {
      take: async (_, waitMs) => (waitMs === 0 ? taken() : new Promise((resolve) => waiting.push(resolve))),
      acknowledge: async ({ changes }) => {
        state.acknowledged += changes.length;
      },
      leave: async () => {
        state.left += 1;
      },
    },
    save: async (rows) => {
      state.attempts += 1;
      if (state.away) throw new HistoryError('history_unavailable', 'away');
      state.rows.push(...rows);
    },
    log: { info: line('info'), warn: line('warn'), error: line('error') },
  });
  writer.start();
  return { state, writer, give: (...changes: Change[]) => waiting.shift()?.(taken(...changes)) };
}

test('[P17] changes that come while it stops are saved and acknowledged', async () => {
  const { state, writer, give } = begin();
  const stopped = writer.stop(0);
  give(closeOf('ann'));
  await stopped;
  expect(state.rows.map(({ userId }) => userId)).toEqual(['ann']);
  expect(state).toMatchObject({ acknowledged: 1, left: 1, lines: [] });
});

test('[P17] it takes more at once while there is more, also when shards are not equally full', async () => {
  const limits: number[] = [];
  /** Of what was asked for; then nothing more. */
  const parts = [1, 1, 1, 1, 1, 1, 0.6, 1, 0.4];
  const writer = new SessionWriter({
    group: {
      take: async (limit) => {
        limits.push(limit);
        const part = parts[limits.length - 1];
        if (part === undefined) return new Promise<TakenChanges>(() => {});
        const changes = Array<Change>(limit * part).fill({ ...closeOf('ann'), kind: 'open' });
        return { changes, lost: 0, backlog: 0, receipt: undefined };
      },
      acknowledge: async () => {},
      leave: async () => {},
    },
    save: async () => {},
    log: { info() {}, warn() {}, error() {} },
  });
  writer.start();
  while (limits.length <= parts.length) await tick();
  expect(limits).toEqual([500, 1_000, 2_000, 4_000, 8_000, 8_000, 8_000, 8_000, 8_000, 500]);
});

test('[P17] with a database that is away a stop ends after one attempt, and acknowledges nothing', async () => {
  const { state, writer, give } = begin();
  state.away = true;
  const stopped = writer.stop(0);
  give(closeOf('ann'));
  await stopped;
  expect(state).toMatchObject({ attempts: 1, acknowledged: 0, left: 1 });
  expect(state.lines).toEqual(['warn: history: the database cannot be written; ended sessions wait in the change log']);
});

test('[P17] a stop does not wait for the end of a pause', async () => {
  const { state, writer, give } = begin();
  state.away = true;
  give(closeOf('ann'));
  while (state.attempts === 0) await tick();
  await writer.stop(0);
  expect(state).toMatchObject({ attempts: 2, acknowledged: 0, left: 1 });
});

test('[P17] a drain tries until the batch at hand is saved', async () => {
  const { state, writer, give } = begin();
  state.away = true;
  give(closeOf('ann'));
  while (state.attempts === 0) await tick();
  const stopped = writer.stop(LONG_MS);
  while (state.attempts < 3) await tick();
  expect(state.left).toBe(0);
  state.away = false;
  await stopped;
  expect(state).toMatchObject({ acknowledged: 1, left: 1 });
  expect(state.rows).toHaveLength(1);
});

test('[P17] a drain whose time is up says that history is incomplete', async () => {
  const { state, writer, give } = begin();
  state.away = true;
  give(closeOf('ann'));
  await writer.stop(300);
  expect(state).toMatchObject({ acknowledged: 0, left: 1 });
  expect(state.lines.at(-1)).toBe(
    'error: history: the time to stop was over before all ended sessions were written; the rest is lost',
  );
});
