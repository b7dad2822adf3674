/** The acts on sessions over a shard (P3–P8). Each is synchronous inside, hence one atomic step. */
import { byAge } from '../admission.ts';
import type { Clock } from '../clock.ts';
import type { Displaced, Owner } from '../session.ts';
import type * as api from '../store/sessions.ts';
import type { LeaseTable } from './leases.ts';
import type { MemoryLimits } from './limits.ts';
import { openSession } from './open.ts';
import { type Holder, SessionRow } from './session-row.ts';
import type { MemoryShard } from './shard.ts';

export class MemorySessions implements api.StoreSessions {
  readonly #shard: MemoryShard;
  readonly #leases: LeaseTable;
  readonly #limits: MemoryLimits;
  readonly #clock: Clock;

  constructor(shard: MemoryShard, leases: LeaseTable, limits: MemoryLimits, clock: Clock) {
    this.#shard = shard;
    this.#leases = leases;
    this.#limits = limits;
    this.#clock = clock;
  }

  async open(request: api.OpenRequest): Promise<api.OpenResult> {
    const now = this.#judgedAt();
    const holder = this.#holder(request.owner, now);
    if (holder === undefined) return { outcome: 'fenced' };
    return openSession({ shard: this.#shard, request, holder, max: this.#limits.ofRequest(request), now });
  }

  async renew(requests: readonly api.RenewRequest[]): Promise<api.RenewResult[]> {
    const now = this.#judgedAt();
    return requests.map((request) => {
      const row = this.#findOwned(request, request.owner, now);
      if (!(row instanceof SessionRow)) return row;
      this.#shard.renewLease(row, now + request.leaseMs);
      return { outcome: 'renewed', expiresAt: this.#shard.expiresAt(row, now) };
    });
  }

  async update(request: api.UpdateRequest): Promise<api.UpdateResult> {
    const now = this.#judgedAt();
    const row = this.#findOwned(request, request.owner, now);
    if (!(row instanceof SessionRow)) return row;
    const outcome = this.#shard.applyAttributes(row, request.attributes, now) ? 'updated' : 'unchanged';
    return { outcome, segment: row.segment, segmentStartedAt: row.segmentStartedAt };
  }

  async detach(requests: readonly api.OwnedRef[], graceMs: number): Promise<api.DetachResult[]> {
    const now = this.#judgedAt();
    return requests.map((request) => {
      const row = this.#findOwned(request, request.owner, now);
      if (!(row instanceof SessionRow)) return row;
      row.hold('none', 'none');
      this.#shard.shortenLease(row, now + graceMs);
      return { outcome: 'detached', expiresAt: now + graceMs };
    });
  }

  async close(request: api.CloseRequest): Promise<api.CloseResult> {
    const { userId, sessionId, reason } = request;
    const now = this.#judgedAt();
    this.#shard.liveMembers(userId, now);
    const row = this.#findOwned(request, request.owner, now);
    if (!(row instanceof SessionRow)) {
      // What was on its way before may come yet.
      if (row.outcome === 'gone' && reason === 'left') this.#shard.tombstones.set(userId, sessionId, reason, now);
      return row;
    }
    const displaced = this.#shard.displaced(row, reason, now);
    this.#shard.endSession(row, reason, now);
    return { outcome: 'closed', displaced };
  }

  async kick(userId: string): Promise<readonly Displaced[]> {
    const now = this.#judgedAt();
    return this.#shard
      .liveMembers(userId, now)
      .toSorted(byAge)
      .map((row) => {
        const displaced = this.#shard.displaced(row, 'kicked', now);
        this.#shard.endSession(row, 'kicked', now);
        return displaced;
      });
  }

  /** Now, after a silence was answered that the caller is a witness of (P9). */
  #judgedAt(): number {
    const now = this.#clock();
    this.#leases.answerSilence(now);
    return now;
  }

  /** Who would hold for this owner; undefined when it is a socket of a generation whose lease does not run. */
  #holder(owner: Owner, now: number): Holder | undefined {
    return typeof owner === 'string' ? owner : this.#leases.running(owner.nodeId, now);
  }

  /** The live session, if the owner may act on it, or why nothing is done. */
  #findOwned({ userId, sessionId }: api.SessionRef, owner: Owner | undefined, now: number): SessionRow | api.Miss {
    if (owner !== undefined && this.#holder(owner, now) === undefined) return { outcome: 'fenced' };
    const row = this.#shard.find(userId, sessionId, now);
    if (row === undefined) {
      const tombstone = this.#shard.tombstones.get(userId, sessionId, now);
      return tombstone === undefined ? { outcome: 'gone' } : { outcome: 'ended', reason: tombstone.reason };
    }
    return owner === undefined || row.isHeldBy(owner) ? row : { outcome: 'moved' };
  }
}
