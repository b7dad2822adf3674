/** Leases of node generations in the memory store, and the watch for silence (P9). */
import { NodeLease } from './session-row.ts';

export class LeaseTable {
  readonly #leases = new Map<string, NodeLease>();
  /** The newest accepted beat; undefined after a silence was answered, until somebody beats again. */
  #heard: { readonly at: number; readonly leaseMs: number } | undefined;

  /** The lease of a generation, unless it lapsed or was never taken. */
  running(nodeId: string, now: number): NodeLease | undefined {
    const lease = this.#leases.get(nodeId);
    return lease !== undefined && lease.endsAt > now ? lease : undefined;
  }

  get(nodeId: string): NodeLease | undefined {
    return this.#leases.get(nodeId);
  }

  lapsed(now: number): NodeLease[] {
    return [...this.#leases.values()].filter((lease) => lease.endsAt <= now);
  }

  /** A generation that lapsed is not taken anew, before the sweep any more than after. */
  join(nodeId: string, leaseMs: number, now: number): boolean {
    if (!this.#leases.has(nodeId)) this.#leases.set(nodeId, new NodeLease(nodeId, now + leaseMs));
    return this.beat(nodeId, leaseMs, now);
  }

  beat(nodeId: string, leaseMs: number, now: number): boolean {
    const lease = this.running(nodeId, now);
    if (lease === undefined) return false;
    lease.endsAt = Math.max(lease.endsAt, now + leaseMs);
    this.#heard = { at: now, leaseMs };
    return true;
  }

  remove(lease: NodeLease): void {
    if (this.#leases.get(lease.nodeId) === lease) this.#leases.delete(lease.nodeId);
  }

  /**
   * When everybody was silent for half a node lease (the process was suspended, or nobody is left), the instant of the
   * last beat: leases that ran after it were not given up by their holders. Told once for each silence, so that a
   * store that nobody beats any more still ends what it holds.
   */
  takeSilence(now: number): number | undefined {
    const heard = this.#heard;
    if (heard === undefined || this.#leases.size === 0 || now - heard.at <= heard.leaseMs / 2) return undefined;
    this.#heard = undefined;
    return heard.at;
  }

  extend(after: number, until: number): void {
    for (const lease of this.#leases.values()) {
      if (lease.endsAt > after) lease.endsAt = Math.max(lease.endsAt, until);
    }
  }
}
