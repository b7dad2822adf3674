import type { Logger } from 'pino';
import { StoreError } from '../../../presence-core/index.ts';
import type { Config } from '../../config.ts';
import type { SidecarStore } from '../sidecar-store.ts';

/** What handlers act on. */
export interface RouteContext {
  readonly config: Config;
  readonly store: SidecarStore;
  readonly log: Logger;
  readonly isDraining: () => boolean;
}

/** Whether players are let play on although the store failed thus (P10). */
export function playsOn(error: unknown, { config }: RouteContext): boolean {
  return config.outagePolicy === 'open' && error instanceof StoreError && error.code === 'store_unavailable';
}
