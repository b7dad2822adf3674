/**
 * What all nodes of the deployment tell of themselves (P19): each writes its state to the store at the rhythm of its
 * beats, and whoever is asked for all of them reads them there.
 */
import { type PresenceStore, type Repeating, repeating, singleFlight } from '../../presence-core/index.ts';
import type { NodeReport, NodeState } from './node-report.ts';

/** Of another process, perhaps of another version: nothing of it was checked. */
export interface OtherReport {
  readonly state: unknown;
  /** Since it was written. */
  readonly ageMs: number;
}

export interface NodeReportsParts {
  readonly store: Pick<PresenceStore, 'nodes'>;
  readonly node: { readonly nodeId: string; readonly hasLease: boolean; storeNow(): number };
  readonly report: () => NodeReport;
  readonly everyMs: number;
  /** How long a report is kept: as long as the lease of a node. */
  readonly keptMs: number;
}

interface Written {
  readonly at: number;
  readonly state: NodeState;
}

/** Within it all are given the same reports. */
const MAX_AGE_MS = 1_000;

export class NodeReports {
  private repeat: Repeating | undefined;
  private latest: { readonly texts: ReadonlyMap<string, string>; readonly readAt: number } | undefined;
  private readonly read = singleFlight(() => this.readNow());
  private readonly parts: NodeReportsParts;

  constructor(parts: NodeReportsParts) {
    this.parts = parts;
  }

  /** The process' own. */
  own(): NodeReport {
    return this.parts.report();
  }

  /** Those of the other nodes that live, by node id. Empty while the store is away: it is known by `own`. */
  async others(): Promise<ReadonlyMap<string, OtherReport>> {
    const isFresh = this.latest !== undefined && performance.now() - this.latest.readAt < MAX_AGE_MS;
    const texts = isFresh ? this.latest?.texts : await this.read().catch(() => undefined);
    const now = this.parts.node.storeNow();
    const reports = new Map<string, OtherReport>();
    for (const [nodeId, text] of texts ?? []) {
      const { at, state } = parsed(text);
      if (at !== undefined) reports.set(nodeId, { state, ageMs: Math.max(0, Math.round(now - at)) });
    }
    return reports;
  }

  start(): void {
    void this.publish();
    this.repeat ??= repeating({ everyMs: this.parts.everyMs }, () => this.publish());
  }

  stop(): void {
    void this.repeat?.stop();
  }

  /** While the store is away there is nothing to tell, and nobody who reads it. */
  async publish(): Promise<void> {
    const { node, store, report, keptMs } = this.parts;
    // What has no lease is no node, and nobody would look for its report.
    if (!node.hasLease) return;
    const { nodeId, state } = report();
    const written: Written = { at: node.storeNow(), state };
    await store.nodes.report(nodeId, JSON.stringify(written), keptMs).catch(() => {});
  }

  private async readNow(): Promise<ReadonlyMap<string, string>> {
    const { store, report } = this.parts;
    const { nodeId: own, living } = report();
    const nodeIds = living.filter((nodeId) => nodeId !== own);
    const texts = await store.nodes.reports(nodeIds);
    const found = nodeIds.flatMap((nodeId, i) => (texts[i] === undefined ? [] : [[nodeId, texts[i]] as const]));
    this.latest = { texts: new Map(found), readAt: performance.now() };
    return this.latest.texts;
  }
}

function parsed(text: string): { at?: number; state?: unknown } {
  try {
    const { at, state } = JSON.parse(text);
    return typeof at === 'number' ? { at, state } : {};
  } catch {
    return {};
  }
}
