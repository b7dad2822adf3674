/** What the store's servers account of themselves. */
import { expect, test } from '@jest/globals';
import { type CreateStore, withFixture } from './store-fixture.ts';

export function serversContract(create: CreateStore): void {
  test('each server accounts for its own work, which grows with what is asked of it; the embedded store has none', () =>
    withFixture(create, async (fixture) => {
      const { store } = fixture;
      const before = await store.serverStats();
      const users = Array.from({ length: 200 }, (_, i) => `u${i}`);
      await Promise.all(users.map((userId) => fixture.opened(userId, 's')));
      await store.reads.status(users);
      const after = await store.serverStats();
      if (!store.isShared) {
        expect([before, after]).toEqual([[], []]);
        return;
      }
      expect(after.length).toBeGreaterThan(0);
      expect(new Set(after.map(({ server }) => server)).size).toBe(after.length);
      for (const { server, ...numbers } of after) {
        const former = before.find((stats) => stats.server === server);
        expect(server).toMatch(/^.+:\d+$/);
        for (const value of Object.values(numbers)) expect(value).toBeGreaterThanOrEqual(0);
        for (const name of ['commands', 'inputBytes', 'outputBytes', 'hits'] as const) {
          expect([name, numbers[name] > (former?.[name] ?? Infinity)]).toEqual([name, true]);
        }
        expect(numbers.cpuUserSeconds + numbers.cpuSystemSeconds).toBeGreaterThan(0);
        expect(numbers.memoryPeakBytes).toBeGreaterThanOrEqual(numbers.memoryBytes);
        expect(numbers.clients).toBeGreaterThan(0);
      }
    }));
}
