/** Reads of the memory store (P1, P12, P15). */
import { byAge } from '../admission.ts';
import type { Clock } from '../clock.ts';
import type * as api from '../store/reads.ts';
import type { MemoryLimits } from './limits.ts';
import { slots } from './session-row.ts';
import type { MemoryShard } from './shard.ts';

export class MemoryReads implements api.StoreReads {
  readonly #shard: MemoryShard;
  readonly #limits: MemoryLimits;
  readonly #clock: Clock;

  constructor(shard: MemoryShard, limits: MemoryLimits, clock: Clock) {
    this.#shard = shard;
    this.#limits = limits;
    this.#clock = clock;
  }

  async status(userIds: readonly string[]): Promise<api.UserStatus[]> {
    const now = this.#clock();
    return userIds.map((userId) => {
      let online = false;
      let sessions = 0;
      for (const row of this.#shard.members(userId)) {
        if (!this.#shard.isLive(row, now)) continue;
        online = true;
        if (!row.isMark) sessions += 1;
      }
      return { userId, online, sessions, lastSeenAt: online ? now : this.#shard.lastSeenAt(userId, now) };
    });
  }

  async sessions(userIds: readonly string[]): Promise<api.UserSessions[]> {
    const now = this.#clock();
    return userIds.map((userId) => {
      const live = slots(this.#shard.members(userId))
        .filter((row) => this.#shard.isLive(row, now))
        .sort(byAge);
      const max = this.#limits.ofReads(userId, live.at(-1)?.limit);
      return { userId, max, sessions: live.map((row) => this.#shard.sessionOf(row, now)) };
    });
  }

  async counts(dimensions: readonly api.Dimension[]): Promise<api.Count[]> {
    return dimensions.map((dimension) => this.#shard.counts.count(dimension));
  }

  async top(by: api.TopBy, limit: number): Promise<api.TopItem[]> {
    return this.#shard.counts.top(by, limit);
  }
}
