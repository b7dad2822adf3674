import { isOutage } from '../../presence-core/index.ts';

/** Calls by which admission is checked and changes are delivered: when one of these fails, the node says so (P10). */
const TELLING: ReadonlySet<string> = new Set(['sessions.open', 'log.read', 'nodes.join', 'nodes.beat']);
/** So long after such a failure. */
const TROUBLE_MS = 3_000;

/** Whether the store answers the lease renewals of this node, and for how long it did not; and whether it does its work. */
export class StoreHealth {
  isUp = false;
  private downSince = performance.now();
  private downMs = 0;
  private answeredAt: number | undefined;
  private troubledAt = Number.NEGATIVE_INFINITY;

  /** Since a lease renewal was answered; undefined: none was. */
  get leaseAgeMs(): number | undefined {
    return this.answeredAt === undefined ? undefined : performance.now() - this.answeredAt;
  }

  answered(): void {
    this.answeredAt = performance.now();
    if (!this.isUp) this.downMs += performance.now() - this.downSince;
    this.isUp = true;
  }

  /** Admissions go unchecked or changes are late, or did and were a moment ago. */
  get isTroubled(): boolean {
    return performance.now() - this.troubledAt < TROUBLE_MS;
  }

  noteFailure(verb: string, error: unknown): void {
    if (TELLING.has(verb) && isOutage(error)) this.troubledAt = performance.now();
  }

  /** @param since start of the failed call, by `performance.now()`. */
  failed(since: number): void {
    if (this.isUp) this.downSince = since;
    this.isUp = false;
  }

  /** Total since the process started, in seconds. */
  downSeconds(): number {
    const now = this.isUp ? 0 : performance.now() - this.downSince;
    return (this.downMs + now) / 1_000;
  }
}
