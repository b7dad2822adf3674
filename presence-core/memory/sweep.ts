/** How sessions of the memory store end without their holder: expired, with their node, or with the store (P1, P9). */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { trueEnd } from '../silence.ts';
import type { SweepResult } from '../store/nodes.ts';
import type { LeaseTable } from './leases.ts';
import type { NodeLease } from './session-row.ts';
import type { MemoryShard } from './shard.ts';

/** How long a sweep may hold the event loop before it lets others in. */
const SLICE_MS = 4;
/** Sessions looked at between two looks at the clock. */
const SLICE_STEP = 64;

export class MemorySweep {
  readonly #shard: MemoryShard;
  readonly #leases: LeaseTable;

  constructor(shard: MemoryShard, leases: LeaseTable) {
    this.#shard = shard;
    this.#leases = leases;
  }

  /** Ends what has expired and what lapsed nodes held. @param lapsed is told of each such node first. */
  async run(now: number, lapsed: (lease: NodeLease) => void): Promise<SweepResult> {
    this.#leases.answerSilence(now);
    const due = this.#shard.takeDue(now);
    let ended = 0;
    let oldest = now;
    await inSlices(() => {
      const row = due.first();
      if (row === undefined) return false;
      oldest = Math.min(oldest, trueEnd(row.leaseEndsAt));
      ended += this.#shard.endOrRefile(row, now);
      return true;
    });
    for (const lease of this.#leases.lapsed(now)) {
      // Others were let in: an extension may have revived it.
      if (!this.#leases.isLapsed(lease, now)) continue;
      lapsed(lease);
      this.#leases.remove(lease, now);
      const lost = await this.endNode(lease, now);
      if (lost > 0) oldest = Math.min(oldest, trueEnd(lease.endsAt));
      ended += lost;
    }
    await inSlices(() => this.#shard.trimOne(now));
    return { ended, lagMs: now - oldest, corrected: 0, mendedUserIds: [] };
  }

  /** Ends what a node holds that is no longer known, so that nothing can be added to it or revive it. */
  async endNode(lease: NodeLease, now: number): Promise<number> {
    let ended = 0;
    await inSlices(() => {
      const row = lease.sessions.first();
      if (row === undefined) return false;
      ended += this.#shard.endLost(row, lease, now);
      return true;
    });
    return ended;
  }

  /** Ends all there is, and keeps all of it in the log, for readers that have yet to save it. */
  async endAll(now: number): Promise<void> {
    this.#leases.answerSilence(now);
    const rows = this.#shard.allMembers();
    this.#shard.log.makeRoom(this.#shard.size);
    await inSlices(() => {
      const { value: row, done } = rows.next();
      if (done) return false;
      if (this.#shard.members(row.userId).includes(row)) this.#shard.endWithStore(row, now);
      return true;
    });
  }
}

/** Repeats a step until it says false, letting others in when a slice is used up. */
async function inSlices(step: () => boolean): Promise<void> {
  let sliceEndsAt = performance.now() + SLICE_MS;
  for (let steps = 1; step(); steps += 1) {
    if (steps % SLICE_STEP === 0 && performance.now() >= sliceEndsAt) {
      await nextTurn();
      sliceEndsAt = performance.now() + SLICE_MS;
    }
  }
}
