/**
 * Opens held sessions again after the node's lease lapsed or the store forgot them (P9, P10), paced so that nodes do
 * not flood a store that is just back.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { chunks } from '../../presence-core/index.ts';
import type { HeldPlayer, ReopenIntent } from './held-player.ts';

/** At most this many at once, then a pause. */
const AT_ONCE = 200;
const PAUSE_MS = 20;
/** Nodes begin at different times. */
const JITTER_MS = 500;
const RETRY_MS = 1_000;

/** A new one for each time that a player is to be opened again: an answer to an earlier one does not settle it. */
interface Task {
  readonly intent: ReopenIntent;
}

export class Reopening {
  private readonly pending = new Map<HeldPlayer, Task>();
  private readonly done: () => void;
  private isStopped = false;
  isRunning = false;

  /** @param done called whenever nobody is left to be opened again. */
  constructor(done: () => void) {
    this.done = done;
  }

  /** Whether the session of this player is about to be opened again: nothing else must act on its lease. */
  has(player: HeldPlayer): boolean {
    return this.pending.has(player);
  }

  /** `restore` is not weakened to `resume` by a later call. */
  add(players: Iterable<HeldPlayer>, intent: ReopenIntent): void {
    for (const player of players) {
      const isForgotten = this.pending.get(player)?.intent === 'restore';
      this.pending.set(player, { intent: isForgotten ? 'restore' : intent });
    }
    if (!this.isRunning) void this.run();
  }

  remove(player: HeldPlayer): void {
    this.pending.delete(player);
  }

  stop(): void {
    this.isStopped = true;
    this.pending.clear();
  }

  private async run(): Promise<void> {
    this.isRunning = true;
    await sleep(Math.random() * JITTER_MS);
    while (this.pending.size > 0) {
      for (const some of chunks([...this.pending], AT_ONCE)) {
        await Promise.all(some.map(([player, task]) => this.reopen(player, task)));
        await sleep(PAUSE_MS);
      }
      if (this.pending.size > 0) await sleep(RETRY_MS);
    }
    this.isRunning = false;
    if (!this.isStopped) this.done();
  }

  private async reopen(player: HeldPlayer, task: Task): Promise<void> {
    if (this.pending.get(player) !== task) return;
    // Also tried again after a fault that is no outage: its player is live, and has nothing to do with it.
    const isDone = await player.reopen(task.intent).catch(() => false);
    if (isDone && this.pending.get(player) === task) this.pending.delete(player);
  }
}
