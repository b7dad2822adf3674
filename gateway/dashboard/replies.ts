/** Replies of the HTTP API, as far as the page reads them. */

export interface Count {
  readonly users: number;
  readonly sessions: number;
}

export interface TopItem extends Count {
  readonly key: string;
}

export interface Identity {
  readonly auth: 'off' | 'jwt';
  readonly scopes: readonly string[];
  readonly userId?: string;
  readonly machine?: string;
}

export interface NodeState {
  readonly version: string;
  readonly startedAt: number;
  readonly store: string;
  readonly transport?: string;
  readonly draining: boolean;
  readonly degraded: boolean;
  readonly storeUp: boolean;
  readonly leaseAgeMs?: number;
  readonly storeLatencyMs?: number;
  readonly loopBusy: number;
  readonly sockets?: { readonly players: number; readonly dashboards: number; readonly max: number };
  readonly sessionsHeld: number;
  readonly logLagMs?: number;
  readonly replicaAgeMs?: number;
  readonly historyBacklog?: number;
  readonly historyUp?: boolean;
}

/** The one that answers. */
export interface Self extends NodeState {
  readonly nodeId: string;
  readonly admissions: Readonly<Record<string, number>>;
  readonly ended: Readonly<Record<string, number>>;
}

export interface ListedNode {
  readonly nodeId: string;
  /** Absent of one that told nothing. */
  readonly report?: NodeState & { readonly ageMs: number };
}

export interface Nodes {
  readonly nodes: readonly ListedNode[];
  readonly self: Self;
  readonly settings: {
    readonly maxStreams: number;
    readonly onLimit: string;
    readonly nodeLeaseMs: number;
    readonly history: boolean;
    readonly wsPort?: number;
  };
}

export interface LiveSession {
  readonly sessionId: string;
  readonly streamId?: string;
  readonly deviceType?: string;
  readonly deviceId?: string;
  readonly country?: string;
  readonly state?: string;
  readonly meta?: Readonly<Record<string, string>>;
  readonly startedAt: number;
  readonly expiresAt: number;
  readonly via: string;
  readonly detached?: true;
}

export interface Usage {
  readonly current: number;
  readonly max: number;
  readonly sessions: readonly LiveSession[];
}

export interface Refusal {
  readonly at: number;
  readonly streamId?: string;
  readonly deviceType?: string;
  readonly current: number;
  readonly max: number;
  readonly conflicts: readonly Omit<LiveSession, 'expiresAt' | 'via'>[];
}

export interface PastSession extends Omit<LiveSession, 'expiresAt'> {
  readonly endedAt: number;
  readonly watchedMs: number;
  readonly reason: string;
}

export interface Point extends Count {
  readonly at: number;
  readonly peakSessions: number;
}
