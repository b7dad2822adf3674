/** What the handlers of all routes share. */
import type { Logger } from 'pino';
import { isOutage, type OpenRequest, type SessionRef } from '../../../presence-core/index.ts';
import type { Identity } from '../../auth/identity.ts';
import type { Config } from '../../config/config.ts';
import type { HistoryReads } from '../../history/index.ts';
import type { NodeReports } from '../../metrics/node-reports.ts';
import type { RecentRefusals } from '../../metrics/recent-refusals.ts';
import type { Returns } from '../../node/returns.ts';
import type { Replica } from '../../replica/replica.ts';
import type { Readiness } from '../readiness.ts';
import type { SidecarStore } from '../sidecar-store.ts';

/** What is answered for all workers that share the ports with this process; without workers, for this process. */
export interface Deployment {
  /** In the text format of Prometheus. */
  metrics(): Promise<string>;
  readiness(): Promise<Readiness>;
  setLogLevel(level: string): void;
}

export interface RouteContext {
  readonly config: Config;
  /** Where this process serves sockets; undefined: it does not. */
  readonly wsPort?: number | undefined;
  readonly store: SidecarStore;
  /** Undefined when this process has no history. */
  readonly history: HistoryReads | undefined;
  /** Undefined with REPLICA=off, and with the embedded store. */
  readonly replica?: Replica | undefined;
  readonly log: Logger;
  readonly deployment: Deployment;
  /** What the nodes tell of themselves; undefined: this process is none. */
  readonly reports: Pick<NodeReports, 'own' | 'others'> | undefined;
  readonly refusals: Pick<RecentRefusals, 'of'>;
  /** The store forgot, and may not have all sessions again (P10). */
  readonly isRestoring: () => boolean;
  /** It may lack sessions of heartbeats and guards, which come back by themselves. */
  readonly isReturning: () => boolean;
  readonly returns: Pick<Returns, 'answered'>;
  /** Ends, as soon as the store answers, a guard whose open had no answer and of which its client was told nothing (P7). */
  readonly giveUp: (guard: SessionRef) => void;
}

/** Whether the outage policy admits players unchecked after this error (P10). */
export function admitsUnchecked(error: unknown, { config }: RouteContext): boolean {
  return config.outagePolicy === 'open' && isOutage(error);
}

/**
 * What the answer to an admission that begins now has besides, as the store may not have known all who hold a slot (P10).
 * To be called when it was answered: that the store forgot may become known meanwhile.
 */
export function restoringTerms({ isRestoring }: RouteContext): () => { degraded?: true } {
  const wasRestoring = isRestoring();
  return () => (wasRestoring || isRestoring() ? { degraded: true } : {});
}

/**
 * Intent of a heartbeat or a refresh, which does not say whether it is a first one: when the store forgot, it may be of a
 * session that was admitted before, and by policy `open` it is let in above the limit (P10).
 */
export function beatTerms({ isReturning, config }: RouteContext): Pick<OpenRequest, 'intent' | 'returns'> {
  return { intent: 'beat', ...(isReturning() && config.outagePolicy === 'open' && { returns: true }) };
}

/** Limit and policy of an admission (P6): of the user's own token, else of the deployment. */
export function admissionTermsOf(
  userId: string,
  identity: Identity,
  { onLimit }: Config,
): Required<Pick<OpenRequest, 'onLimit'>> & Pick<OpenRequest, 'limit'> {
  if (identity.userId !== userId) return { onLimit };
  return { onLimit: identity.onLimit ?? onLimit, ...(identity.limit !== undefined && { limit: identity.limit }) };
}
