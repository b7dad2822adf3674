/** Leases of node generations in the memory store, and what a silence extends (P9). */
import { answered, isMarked, leaseUntil, marked, NO_SILENCE, runsUntil, type Silence } from '../silence.ts';
import { NodeLease } from './session-row.ts';

export class LeaseTable {
  readonly #leases = new Map<string, NodeLease>();
  readonly #graceMs: number;
  /** The newest beat accepted; undefined after a silence was answered, or ended unanswered, until somebody beats again. */
  #heard: { readonly at: number; readonly leaseMs: number } | undefined;
  #silence = NO_SILENCE;
  /** Number of the silence that lasts, or comes next. */
  #nextNumber = 1;
  /** The generation that joined last and was not given up: who acts is taken for it. */
  #caller: string | undefined;

  /** @param graceMs how long an extension lasts from the answer. */
  constructor(graceMs: number) {
    this.#graceMs = graceMs;
  }

  /** The instant until which a lease runs, a node's or a session's. */
  runsUntil(lease: number, now: number): number {
    return lease > now ? runsUntil(lease, NO_SILENCE, now) : runsUntil(lease, this.#silenceAt(now), now);
  }

  /** What to keep of a lease that is set now. */
  leaseUntil(endsAt: number): number {
    return leaseUntil(endsAt, this.#silence);
  }

  /** Before an act: a silence that its caller is a witness of is answered. Reads see the same and keep nothing. */
  answerSilence(now: number): void {
    const silence = this.#silenceAt(now);
    if (silence === this.#silence) return;
    this.#silence = silence;
    this.#endSilence();
  }

  /** The lease of a generation, unless it lapsed or was never taken. */
  running(nodeId: string, now: number): NodeLease | undefined {
    const lease = this.#leases.get(nodeId);
    return lease !== undefined && !this.isLapsed(lease, now) ? lease : undefined;
  }

  get(nodeId: string): NodeLease | undefined {
    return this.#leases.get(nodeId);
  }

  isLapsed(lease: NodeLease, now: number): boolean {
    return this.runsUntil(lease.endsAt, now) <= now;
  }

  runningIds(now: number): string[] {
    return [...this.#leases.values()].filter((lease) => !this.isLapsed(lease, now)).map(({ nodeId }) => nodeId);
  }

  lapsed(now: number): NodeLease[] {
    return [...this.#leases.values()].filter((lease) => this.isLapsed(lease, now));
  }

  /** A generation that lapsed is not taken anew, before the sweep any more than after. */
  join(nodeId: string, leaseMs: number, now: number): boolean {
    if (!this.#leases.has(nodeId)) this.#set(new NodeLease(nodeId, 0), leaseMs, now);
    const accepted = this.beat(nodeId, leaseMs, now);
    if (accepted) this.#caller = nodeId;
    return accepted;
  }

  beat(nodeId: string, leaseMs: number, now: number): boolean {
    const caller = this.#caller;
    this.#caller = nodeId;
    this.answerSilence(now);
    this.#caller = caller;
    const lease = this.running(nodeId, now);
    if (lease === undefined) return false;
    this.#set(lease, leaseMs, now);
    return true;
  }

  /** Forgets a generation that lapsed or was given up. Nobody who is left may be able to answer a silence. */
  remove(lease: NodeLease, now: number): void {
    if (this.#leases.get(lease.nodeId) === lease) this.#leases.delete(lease.nodeId);
    if (this.#isSilent(now)) this.#endUnanswered();
  }

  /** Gives a generation up. The last one leaves no silence. */
  quit(lease: NodeLease): void {
    this.#leases.delete(lease.nodeId);
    if (this.#caller === lease.nodeId) this.#caller = undefined;
    if (this.#heard !== undefined) this.#endUnanswered();
  }

  /** Somebody new neither answers a silence nor ends it, while there is a witness who can. */
  #set(lease: NodeLease, leaseMs: number, now: number): void {
    const endsAt = now + leaseMs;
    this.#leases.set(lease.nodeId, lease);
    const lasts = this.#isSilent(now) && !this.#endUnanswered();
    if (endsAt > lease.endsAt) {
      lease.endsAt = lasts ? marked(endsAt, this.#nextNumber) : this.leaseUntil(endsAt);
    }
    if (!lasts) this.#heard = { at: now, leaseMs };
  }

  /** Nobody has beaten for half a node lease, and nobody has answered that. */
  #isSilent(now: number): boolean {
    return this.#heard !== undefined && now - this.#heard.at > this.#heard.leaseMs / 2;
  }

  #isWitness(lease: NodeLease | undefined): boolean {
    const since = this.#heard?.at ?? Number.POSITIVE_INFINITY;
    return lease !== undefined && lease.endsAt > since && !isMarked(lease.endsAt, this.#nextNumber);
  }

  /** The newest answered silence, or the one that lasts as its caller answers it now. */
  #silenceAt(now: number): Silence {
    if (!this.#isSilent(now) || !this.#isWitness(this.#leases.get(this.#caller ?? ''))) return this.#silence;
    const beginning = { number: this.#nextNumber, beganAt: this.#heard?.at ?? now };
    return answered(this.#silence, beginning, now, this.#graceMs);
  }

  /** Ends a silence that no generation is left to answer: another begins with a beat. */
  #endUnanswered(): boolean {
    for (const lease of this.#leases.values()) if (this.#isWitness(lease)) return false;
    this.#endSilence();
    return true;
  }

  #endSilence(): void {
    this.#heard = undefined;
    this.#nextNumber += 1;
  }
}
