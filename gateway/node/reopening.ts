/**
 * Opens held sessions again after the node's lease lapsed or the store forgot them (P9, P10), paced so that nodes do
 * not flood a store that is just back. A newer run replaces the one that goes on.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { HeldPlayer, ReopenIntent } from './held-player.ts';

/** At most this many at once, then a pause. */
const AT_ONCE = 200;
const PAUSE_MS = 20;
/** Nodes begin at different times. */
const JITTER_MS = 500;
const RETRY_MS = 1_000;

export class Reopening {
  private run: object | undefined;

  get isRunning(): boolean {
    return this.run !== undefined;
  }

  begin(players: readonly HeldPlayer[], intent: ReopenIntent): void {
    const run = {};
    this.run = run;
    void this.reopenAll(players, intent, () => this.run === run).finally(() => {
      if (this.run === run) this.run = undefined;
    });
  }

  stop(): void {
    this.run = undefined;
  }

  private async reopenAll(
    players: readonly HeldPlayer[],
    intent: ReopenIntent,
    isCurrent: () => boolean,
  ): Promise<void> {
    await sleep(Math.random() * JITTER_MS);
    let left = players;
    while (left.length > 0 && isCurrent()) {
      const again: HeldPlayer[] = [];
      for (let i = 0; i < left.length && isCurrent(); i += AT_ONCE) {
        const some = left.slice(i, i + AT_ONCE);
        // Also after a fault that is no outage: its player is live, and has nothing to do with it.
        const done = await Promise.all(some.map((player) => player.reopen(intent).catch(() => false)));
        for (const [at, player] of some.entries()) if (!done[at]) again.push(player);
        await sleep(PAUSE_MS);
      }
      left = again;
      if (left.length > 0) await sleep(RETRY_MS);
    }
  }
}
