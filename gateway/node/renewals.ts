/** Renews the leases of held sessions in batches, a slice of them at every tick of a wheel. */
import {
  type PresenceStore,
  pause,
  type RenewRequest,
  type SocketOwner,
  TimingWheel,
} from '../../presence-core/index.ts';
import type { HeldPlayer } from './held-player.ts';
import { Pace } from './pace.ts';

export interface RenewalsOptions {
  readonly store: PresenceStore;
  readonly sessionLeaseMs: number;
}

/** A renewal is due at a third of the lease: two may fail. */
const RENEWALS_PER_LEASE = 3;
const SLOTS = 64;
/** Sessions of one call, at most, when all are renewed. */
const AT_ONCE = 500;

export class Renewals {
  private readonly options: RenewalsOptions;
  private readonly wheel: TimingWheel<HeldPlayer>;

  constructor(options: RenewalsOptions) {
    this.options = options;
    this.wheel = new TimingWheel(options.sessionLeaseMs / RENEWALS_PER_LEASE, SLOTS, (due) => {
      // What fails is due again in a third of the lease.
      void this.renew(due);
    });
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

  /**
   * Renews these now, spread over `withinMs`; when the store is slow, over longer.
   * @returns whether the store answered for all of them.
   */
  async renewAll(players: Iterable<HeldPlayer>, withinMs: number): Promise<boolean> {
    const all = [...players];
    const pace = new Pace(AT_ONCE);
    let isAnswered = true;
    for (const some of pace.slices(all)) {
      if (!(await pace.answer(this.renew(some)))) isAnswered = false;
      await pause((withinMs * some.length) / all.length);
    }
    return isAnswered;
  }

  private async renew(due: Iterable<HeldPlayer>): Promise<boolean> {
    const { store, sessionLeaseMs } = this.options;
    const players: HeldPlayer[] = [];
    const requests: (RenewRequest & { readonly owner: SocketOwner })[] = [];
    for (const player of due) {
      const { session, owner } = player;
      // What is to be opened is not renewed.
      if (!session || !owner) continue;
      const { userId, sessionId } = session;
      players.push(player);
      requests.push({ userId, sessionId, owner, leaseMs: sessionLeaseMs });
    }
    if (requests.length === 0) return true;
    const results = await store.sessions.renew(requests).catch(() => undefined);
    if (!results) return false;
    for (const [i, result] of results.entries()) {
      const request = requests[i];
      if (!request || result.outcome === 'renewed' || result.outcome === 'failed') continue;
      players[i]?.missed(request.owner, result);
    }
    return true;
  }
}
