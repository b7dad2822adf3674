/** Whether players may be sent to this node, and if not, why. */
import { isOutage } from '../../presence-core/index.ts';
import type { Config } from '../config/config.ts';

/** The best first: of several workers that share their ports, the best one counts. */
export const READINESS = ['ok', 'degraded', 'overloaded', 'store_unavailable', 'draining'] as const;
export type Readiness = (typeof READINESS)[number];

function isOtherThanOutage(error: unknown): false {
  if (isOutage(error)) return false;
  throw error;
}

export interface ReadinessFacts {
  readonly config: Pick<Config, 'outagePolicy'>;
  readonly store: { ping(): Promise<unknown> };
  readonly isDraining: () => boolean;
  /** No more sockets are accepted. */
  readonly isFull: () => boolean;
  /** Admissions may go unchecked, or changes may be late. */
  readonly isDegraded: () => boolean;
}

/** Of this process alone. Rejects when the store fails for another reason than an outage. */
export async function ownReadiness(context: ReadinessFacts): Promise<Readiness> {
  if (context.isDraining()) return 'draining';
  if (context.isFull()) return 'overloaded';
  const isAnswered = await context.store.ping().then(() => true, isOtherThanOutage);
  if (isAnswered && !context.isDegraded()) return 'ok';
  return context.config.outagePolicy === 'open' ? 'degraded' : 'store_unavailable';
}

/** Of several workers. @param all at least one. */
export function jointReadiness(all: readonly Readiness[]): Readiness {
  return READINESS.find((one) => all.includes(one)) as Readiness;
}
