/**
 * Opens held sessions again after the node's lease lapsed, the store forgot them or did not answer (P9, P10), paced so
 * that nodes do not flood a store that is just back.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { HeldPlayer } from './held-player.ts';
import { Pace } from './pace.ts';

/** At most this many at once, then a pause. */
const AT_ONCE = 200;
const PAUSE_MS = 20;
/** Nodes begin at different times: within a millisecond for each session, and no more than this. */
const JITTER_MAX_MS = 500;
const RETRY_MS = 1_000;

export interface ReopeningOptions {
  /** Whether the store answers, and knows this node: until then all wait. */
  readonly mayRun: () => boolean;
  /** Nobody is left to be opened again. */
  readonly done: () => void;
}

export class Reopening {
  private readonly due = new Set<HeldPlayer>();
  private readonly options: ReopeningOptions;
  private readonly pace = new Pace(AT_ONCE);
  private isRunning = false;

  constructor(options: ReopeningOptions) {
    this.options = options;
  }

  get isIdle(): boolean {
    return this.due.size === 0;
  }

  /** No session is left to be restored. Who was let in unchecked waits for that, and is admitted after it. */
  get hasRestored(): boolean {
    for (const player of this.due) if (!player.isUnchecked) return false;
    return true;
  }

  add(player: HeldPlayer): void {
    this.due.add(player);
    this.go();
  }

  remove(player: HeldPlayer): void {
    this.due.delete(player);
  }

  /** To be called when `mayRun` may have become true. */
  go(): void {
    if (!this.isRunning && this.mayGoOn()) void this.run();
  }

  stop(): void {
    this.due.clear();
  }

  private mayGoOn(): boolean {
    return this.due.size > 0 && this.options.mayRun();
  }

  private async run(): Promise<void> {
    this.isRunning = true;
    await sleep(Math.random() * Math.min(JITTER_MAX_MS, this.due.size));
    while (this.mayGoOn()) {
      for (const some of this.pace.slices([...this.due])) {
        if (!this.mayGoOn()) break;
        await this.pace.answer(Promise.all(some.map((player) => this.reopen(player))));
        await sleep(PAUSE_MS);
      }
      if (this.mayGoOn()) await sleep(RETRY_MS);
    }
    this.isRunning = false;
    if (this.due.size === 0) this.options.done();
  }

  private async reopen(player: HeldPlayer): Promise<void> {
    // It may have left since.
    if (!this.due.has(player)) return;
    // Also tried again after a fault that is no outage: its player is live, and has nothing to do with it.
    await player.reopen().catch(() => {});
    if (!player.isDue) this.due.delete(player);
  }
}
