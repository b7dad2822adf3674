import type { Logger } from 'pino';
import { type OpenRequest, StoreError } from '../../../presence-core/index.ts';
import type { Identity } from '../../auth/identity.ts';
import type { Config } from '../../config/config.ts';
import type { HistoryReads } from '../../history/index.ts';
import type { Metrics } from '../../metrics/metrics.ts';
import type { Replica } from '../../replica/replica.ts';
import type { SidecarStore } from '../sidecar-store.ts';

/** What handlers act on. */
export interface RouteContext {
  readonly config: Config;
  readonly store: SidecarStore;
  /** Undefined where none is kept. */
  readonly history: HistoryReads | undefined;
  /** Undefined where the store is the view itself, or the sidecar runs without. */
  readonly replica?: Replica | undefined;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly isDraining: () => boolean;
}

/** Whether players are let play on although the store failed thus (P10). */
export function admitsUnchecked(error: unknown, { config }: RouteContext): boolean {
  return config.outagePolicy === 'open' && error instanceof StoreError && error.code === 'store_unavailable';
}

/** The terms of admission (P6): those of the user's own token, else the deployment's. */
export function admissionTermsOf(
  userId: string,
  identity: Identity,
  { onLimit }: Config,
): Required<Pick<OpenRequest, 'onLimit'>> & Pick<OpenRequest, 'limit'> {
  if (identity.userId !== userId) return { onLimit };
  return { onLimit: identity.onLimit ?? onLimit, ...(identity.limit !== undefined && { limit: identity.limit }) };
}
