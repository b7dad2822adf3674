/** Nodes of the memory store: their leases, and the sweep (P1, P9). */
import type { Clock } from '../clock.ts';
import { trueEnd } from '../silence.ts';
import type { BeatResult, Restored, StoreNodes, SweepResult } from '../store/nodes.ts';
import { ExpiringMap } from '../toolkit/expiring-map.ts';
import { singleFlight } from '../toolkit/single-flight.ts';
import type { MemoryAnalytics } from './analytics.ts';
import type { MemoryInbox } from './inbox.ts';
import type { LeaseTable } from './leases.ts';
import type { MemorySweep } from './sweep.ts';

export interface MemoryNodesParts {
  readonly epoch: string;
  readonly leases: LeaseTable;
  readonly sweep: MemorySweep;
  readonly inbox: MemoryInbox;
  readonly analytics: MemoryAnalytics;
  readonly clock: Clock;
}

/** Of generations of one process. */
const MAX_REPORTS = 1_000;

export class MemoryNodes implements StoreNodes {
  readonly #parts: MemoryNodesParts;
  #restored = { epoch: '', nodeIds: new Set<string>(), returnsUntil: 0 };
  #returnsUntil = 0;
  readonly #reports = new ExpiringMap<{ text: string; until: number }>(MAX_REPORTS, ({ until }) => until);
  readonly #sweepOnce: () => Promise<SweepResult>;

  constructor(parts: MemoryNodesParts) {
    this.#parts = parts;
    this.#sweepOnce = singleFlight(() => {
      const { clock, analytics, inbox, sweep } = parts;
      analytics.trim();
      return sweep.run(clock(), ({ nodeId }) => inbox.remove(nodeId));
    });
  }

  async join(nodeId: string, leaseMs: number, returnsUntil = 0): Promise<BeatResult> {
    const now = this.#parts.clock();
    return this.#result(this.#parts.leases.join(nodeId, leaseMs, now), now, returnsUntil);
  }

  async beat(nodeId: string, leaseMs: number, returnsUntil = 0): Promise<BeatResult> {
    const now = this.#parts.clock();
    return this.#result(this.#parts.leases.beat(nodeId, leaseMs, now), now, returnsUntil);
  }

  async quit(nodeId: string): Promise<void> {
    const { clock, leases, inbox, sweep } = this.#parts;
    const now = clock();
    const lease = leases.get(nodeId);
    if (lease === undefined) return;
    lease.endsAt = Math.min(trueEnd(lease.endsAt), now);
    leases.quit(lease);
    inbox.remove(nodeId);
    await sweep.endNode(lease, now);
  }

  /** This store never forgets while its process runs. */
  async confirmRestored(nodeIds: readonly string[], epoch: string, returnsUntil = 0): Promise<Restored> {
    if (this.#restored.epoch !== epoch) this.#restored = { epoch, nodeIds: new Set(), returnsUntil: 0 };
    const restored = this.#restored;
    for (const nodeId of nodeIds) restored.nodeIds.add(nodeId);
    restored.returnsUntil = Math.max(restored.returnsUntil, returnsUntil);
    return { nodeIds: [...restored.nodeIds], returnsUntil: restored.returnsUntil };
  }

  async report(nodeId: string, text: string, keptMs: number): Promise<void> {
    const now = this.#parts.clock();
    this.#reports.trim(now);
    this.#reports.set(nodeId, { text, until: now + keptMs });
  }

  async reports(nodeIds: readonly string[]): Promise<readonly (string | undefined)[]> {
    const now = this.#parts.clock();
    return nodeIds.map((nodeId) => this.#reports.get(nodeId, now)?.text);
  }

  /** A sweep that is asked for while one runs is that one. */
  sweep(): Promise<SweepResult> {
    return this.#sweepOnce();
  }

  #result(accepted: boolean, now: number, returnsUntil: number): BeatResult {
    const { leases, epoch } = this.#parts;
    this.#returnsUntil = Math.max(this.#returnsUntil, Math.ceil(returnsUntil));
    const nodes = leases.runningIds(now);
    return { outcome: accepted ? 'alive' : 'fenced', epoch, now, nodes, returnsUntil: this.#returnsUntil };
  }
}
