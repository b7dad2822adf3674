/** Renews the leases of held sessions in batches, a slice of them at every tick of a wheel. */
import { chunks, type PresenceStore, pause, TimingWheel } from '../../presence-core/index.ts';
import type { HeldPlayer } from './held-player.ts';

export interface RenewalsOptions {
  readonly store: PresenceStore;
  readonly sessionLeaseMs: number;
  /** Whether the player's session is about to be opened again: then its lease is left alone. */
  readonly isReopening: (player: HeldPlayer) => boolean;
  /** The store does not have the session. */
  readonly reopen: (player: HeldPlayer) => void;
}

/** A renewal is due at a third of the lease: two may fail. */
const RENEWALS_PER_LEASE = 3;
const SLOTS = 64;
/** Sessions of one call when all are renewed. */
const BATCH = 500;

export class Renewals {
  private readonly options: RenewalsOptions;
  private readonly wheel: TimingWheel<HeldPlayer>;

  constructor(options: RenewalsOptions) {
    this.options = options;
    this.wheel = new TimingWheel(options.sessionLeaseMs / RENEWALS_PER_LEASE, SLOTS, (due) => void this.renew(due));
  }

  start(): void {
    this.wheel.start();
  }

  stop(): void {
    this.wheel.stop();
  }

  add(player: HeldPlayer): void {
    player.renewSlot = this.wheel.add(player);
  }

  remove(player: HeldPlayer): void {
    this.wheel.remove(player, player.renewSlot);
  }

  /** Renews all at once, spread over `withinMs`: after the store was away longer than a lease may have left. */
  async renewAll(players: Iterable<HeldPlayer>, withinMs: number): Promise<void> {
    const batches = chunks([...players], BATCH);
    for (const batch of batches) {
      await this.renew(batch);
      await pause(withinMs / batches.length);
    }
  }

  private async renew(due: Iterable<HeldPlayer>): Promise<void> {
    const { store, isReopening, reopen, sessionLeaseMs } = this.options;
    const players: HeldPlayer[] = [];
    const requests = [];
    for (const player of due) {
      const { session } = player;
      // One that was let in unchecked is opened, not renewed, when the store is back.
      if (!session || session.degraded || isReopening(player)) continue;
      const { userId, sessionId, owner } = session;
      players.push(player);
      requests.push({ userId, sessionId, owner, leaseMs: sessionLeaseMs });
    }
    if (requests.length === 0) return;
    // What fails is due again in a third of the lease.
    const results = await store.sessions.renew(requests).catch(() => []);
    for (const [i, result] of results.entries()) {
      const player = players[i] as HeldPlayer;
      // Between sending and answer it may have been opened under another owner, or the socket may be gone.
      const isCurrent = player.session !== undefined && player.session.owner === requests[i]?.owner;
      if (!isCurrent || isReopening(player)) continue;
      if (result.outcome === 'gone') reopen(player);
      else if (result.outcome === 'moved') player.displaced('moved');
      else if (result.outcome === 'ended') player.displaced(result.reason);
    }
  }
}
