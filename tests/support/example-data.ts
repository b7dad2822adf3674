/** What is live when the examples of the routes happen. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHistoryDatabase, type HistoryDatabase } from '../../gateway/history/index.ts';
import { EXAMPLE_AT } from '../../gateway/http/docs/example.ts';
import { type Attributes, MemoryStore } from '../../presence-core/index.ts';

const HOUR_MS = 3_600_000;
/** Of ann, as the examples of guards have it. */
const GUARD = '0b9d7c52-5d0e-4c5e-9d8a-3c1f6b7a2e10';

/** Three users with four sessions, one of whom has no slot left, and one user who was kicked. */
export async function exampleStore(): Promise<MemoryStore> {
  let now = 0;
  const store = new MemoryStore({ clock: () => now });
  const open = (userId: string, sessionId: string, fromMs: number, toMs: number, attributes: Attributes) => {
    now = EXAMPLE_AT + fromMs;
    const owner = sessionId === GUARD ? 'guard' : 'heartbeat';
    return store.sessions.open({ userId, sessionId, owner, attributes, leaseMs: toMs - fromMs, intent: 'fresh' });
  };
  await store.limits.setOverride('cat', 1);
  await open('ann', 'tv-1', -1_200_000, 25_000, {
    streamId: 'tnt',
    deviceType: 'android',
    country: 'US',
    state: 'CA',
  });
  await open('bob', 'tablet-1', -600_000, 22_000, {
    streamId: 'espn',
    deviceType: 'apple',
    country: 'US',
    state: 'TX',
  });
  await open('eve', 'tv-3', -400_000, 60_000, { streamId: 'tnt' });
  await open('cat', 'tv-2', -300_000, 28_000, { streamId: 'espn', deviceType: 'apple', country: 'US', state: 'NY' });
  await store.sessions.close({ userId: 'eve', sessionId: 'tv-3', reason: 'kicked' });
  await open('ann', GUARD, -30_000, 60_000, { streamId: 'abc', deviceType: 'android', country: 'US', state: 'CA' });
  now = EXAMPLE_AT;
  await store.analytics.count({ userId: 'ann', kind: 'click', at: EXAMPLE_AT });
  await store.analytics.count({ userId: 'ann', kind: 'impression', at: EXAMPLE_AT });
  await store.analytics.count({ userId: 'bob', kind: 'impression', at: EXAMPLE_AT });
  return store;
}

/** What was watched before. */
export async function exampleHistory(): Promise<{ history: HistoryDatabase; close(): Promise<void> }> {
  const folder = mkdtempSync(join(tmpdir(), 'example-history-'));
  const history = createHistoryDatabase({ engine: 'sqlite', file: join(folder, 'presence.db') });
  await history.start();
  await history.addSessions([
    {
      userId: 'ann',
      sessionId: 'tv-0',
      sessionStartedAt: EXAMPLE_AT - 2 * HOUR_MS,
      segment: 0,
      streamId: 'espn',
      deviceType: 'android',
      country: 'US',
      state: 'CA',
      startedAt: EXAMPLE_AT - 2 * HOUR_MS,
      endedAt: EXAMPLE_AT - HOUR_MS,
      watchedMs: HOUR_MS,
      reason: 'left',
      via: 'socket',
    },
  ]);
  const minuteAt = EXAMPLE_AT - 2 * HOUR_MS;
  await history.addSample({ minuteAt, sampledAt: minuteAt, users: 3, sessions: 4, peakSessions: 5 });
  return {
    history,
    async close() {
      await history.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
