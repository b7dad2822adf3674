/** Renews the leases of held sessions in batches, a slice of them at every tick of a wheel. */
import { type PresenceStore, type SocketOwner, TimingWheel } from '../../presence-core/index.ts';
import type { HeldPlayer } from './held-player.ts';

export interface RenewalsOptions {
  readonly store: PresenceStore;
  readonly sessionLeaseMs: number;
  /** Owner of a socket's session, by the node's present generation. */
  readonly owner: (connection: number) => SocketOwner;
}

/** A renewal is due at a third of the lease: two may fail. */
const RENEWALS_PER_LEASE = 3;
const SLOTS = 64;

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

  private async renew(due: ReadonlySet<HeldPlayer>): Promise<void> {
    const { store, owner, sessionLeaseMs } = this.options;
    const players: HeldPlayer[] = [];
    const requests = [];
    for (const player of due) {
      const { session } = player;
      // One that was let in unchecked is opened, not renewed, when the store is back.
      if (!session || session.degraded) continue;
      const { userId, sessionId } = session;
      players.push(player);
      requests.push({ userId, sessionId, owner: owner(player.connection), leaseMs: sessionLeaseMs });
    }
    if (requests.length === 0) return;
    // What fails is due again in a third of the lease.
    const results = await store.sessions.renew(requests).catch(() => []);
    for (const [i, result] of results.entries()) {
      const player = players[i] as HeldPlayer;
      // Between sending and answer the node may have become a new one, or the socket may be gone.
      const isCurrent = requests[i]?.owner.nodeId === owner(player.connection).nodeId;
      if (!isCurrent || !player.session) continue;
      if (result.outcome === 'gone') void player.reopen('resume').catch(() => {});
      else if (result.outcome === 'moved') player.displaced('moved');
      else if (result.outcome === 'ended') player.displaced(result.reason);
    }
  }
}
