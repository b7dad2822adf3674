/** What one process tells of itself in one object: for the dashboard, which reads it every few seconds. Asks the store nothing. */
import { performance } from 'node:perf_hooks';
import type { HistoryWriter } from '../history/history-writer.ts';
import type { GatewayNode } from '../node/node.ts';
import type { Replica } from '../replica/replica.ts';
import type { Gateway } from '../sessions/gateway.ts';
import { VERSION } from '../version.ts';
import type { StoreFigures } from './store-figures.ts';

/** As it is now. What a role or a setting does not have is absent. */
export interface NodeState {
  readonly version: string;
  readonly startedAt: number;
  readonly store: string;
  readonly transport?: string | undefined;
  readonly draining: boolean;
  readonly degraded: boolean;
  /** The store answered the last renewal of the node's lease. */
  readonly storeUp: boolean;
  /** Since the lease was renewed last; absent before the first time. */
  readonly leaseAgeMs?: number | undefined;
  /** Mean of the calls to the store since the report before; absent without calls. */
  readonly storeLatencyMs?: number | undefined;
  /** Part of the time since the report before in which the event loop was busy, 0 to 1. */
  readonly loopBusy: number;
  readonly sockets?: { readonly players: number; readonly dashboards: number; readonly max: number } | undefined;
  readonly sessionsHeld: number;
  /** For so long changes may have waited for subscriptions; absent while nobody subscribes. */
  readonly logLagMs?: number | undefined;
  readonly replicaAgeMs?: number | undefined;
  /** Part of the log that the database does not have yet, 0 to 1. */
  readonly historyBacklog?: number | undefined;
  readonly historyUp?: boolean | undefined;
}

/** With totals since the process started. */
export interface NodeReport {
  readonly nodeId: string;
  readonly state: NodeState;
  readonly admissions: Readonly<Record<string, number>>;
  readonly ended: Readonly<Record<string, number>>;
  /** Nodes whose leases ran at the last beat of this one, itself included. */
  readonly living: readonly string[];
}

export interface ReportParts {
  readonly node: GatewayNode;
  readonly store: string;
  readonly gateway: Gateway | undefined;
  readonly writer: HistoryWriter | undefined;
  readonly replica: Replica | undefined;
  readonly figures: StoreFigures;
  readonly isHistoryUp?: (() => boolean) | undefined;
  readonly isDraining: () => boolean;
  readonly isDegraded: () => boolean;
}

/** Within it all get the same report: a thousand dashboards cost no more than one. */
const MAX_AGE_MS = 1_000;

/** @returns a function that reports on this process, anew at most once a second. */
export function createNodeReport(parts: ReportParts, now: () => number = Date.now): () => NodeReport {
  const startedAt = Math.round(now() - process.uptime() * 1_000);
  let loop = performance.eventLoopUtilization();
  let calls = { count: 0, totalMs: 0 };
  let latest: NodeReport | undefined;
  let madeAt = Number.NEGATIVE_INFINITY;

  const make = (): NodeReport => {
    const { node, store, gateway, writer, replica, figures, isHistoryUp, isDraining, isDegraded } = parts;
    const loopNow = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(loopNow, loop);
    loop = loopNow;
    const before = calls;
    calls = { ...figures.calls };
    const count = calls.count - before.count;
    const { leaseAgeMs } = figures.health;
    const lagMs = replica?.report().lagMs;
    const census = gateway?.census();
    const logLagMs = gateway?.hub.lagMs;
    const state: NodeState = {
      version: VERSION,
      startedAt,
      store,
      transport: gateway?.transportName,
      draining: isDraining(),
      degraded: isDegraded(),
      storeUp: figures.health.isUp,
      leaseAgeMs: leaseAgeMs === undefined ? undefined : Math.round(leaseAgeMs),
      storeLatencyMs: count > 0 ? rounded((calls.totalMs - before.totalMs) / count) : undefined,
      loopBusy: rounded(utilization),
      sockets: gateway && census && { players: census.player, dashboards: census.dashboard, max: gateway.maxSockets },
      sessionsHeld: node.sessionsHeld,
      logLagMs: logLagMs === undefined ? undefined : Math.round(logLagMs),
      replicaAgeMs: lagMs !== undefined && Number.isFinite(lagMs) ? Math.round(lagMs) : undefined,
      historyBacklog: writer && rounded(writer.sessions.report.backlogRatio),
      historyUp: isHistoryUp?.(),
    };
    return {
      nodeId: node.nodeId,
      state,
      admissions: figures.admissionsInAll(),
      ended: { ...figures.displaced },
      living: node.livingNodes,
    };
  };
  return () => {
    const at = performance.now();
    if (latest === undefined || at - madeAt >= MAX_AGE_MS) {
      latest = make();
      madeAt = at;
    }
    return latest;
  };
}

const rounded = (value: number): number => Math.round(value * 1_000) / 1_000;
