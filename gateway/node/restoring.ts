/**
 * The first seconds after the store forgot (P10): sockets of any node may hold sessions that it does not have yet. Only
 * nodes know that it forgot; one that starts anew does not.
 */
import { pause, singleFlight } from '../../presence-core/index.ts';

const LOOK_MS = 20;

/** What this process knows of a store that may have forgotten; `GatewayNode` is one. */
export interface StoreMemory {
  /** Whether it forgot is not known. */
  readonly isSuspect: boolean;
  readonly isRestoring: boolean;
  /** Asks the store whether it forgot; then it is suspect no more, unless it does not answer. */
  check(): Promise<void>;
  /** Resolves when it has all sessions again that sockets hold, or should have. */
  restored(): Promise<void>;
}

export interface RestoringOptions {
  /** So long other nodes may need to notice, and to open their sessions again. */
  readonly othersMs: number;
  /** It is never taken for longer than this. */
  readonly maxMs: number;
  /** Whether the sessions of this node are all open again. */
  readonly isIdle: () => boolean;
}

export class Restoring {
  /** When it began, by `performance.now()`. */
  private begunAt = Number.NEGATIVE_INFINITY;
  private readonly options: RestoringOptions;
  /** One wait for all. */
  private readonly wait = singleFlight(async () => {
    while (this.isOn) await pause(LOOK_MS);
  });

  constructor(options: RestoringOptions) {
    this.options = options;
  }

  get isOn(): boolean {
    const { othersMs, maxMs, isIdle } = this.options;
    const sinceMs = performance.now() - this.begunAt;
    return sinceMs < othersMs || (sinceMs < maxMs && !isIdle());
  }

  begin(): void {
    this.begunAt = performance.now();
  }

  /** Resolves when it is over: at once when it is not on, else within `maxMs`. */
  async over(): Promise<void> {
    if (this.isOn) await this.wait();
  }
}
