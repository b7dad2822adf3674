/**
 * The first seconds after the store forgot (P10): sockets of any node may hold sessions that it does not have yet. Only
 * nodes know that it forgot; one that starts anew does not. Each says in the store when its own are open again.
 */
import { pause, singleFlight } from '../../presence-core/index.ts';

const LOOK_MS = 20;
/** Between two questions who is done. */
const CONFIRM_MS = 100;
export const NOTHING_SAID: RestoredBy = { nodeIds: [], returnsInMs: 0 };

/** What this process knows of a store that may have forgotten; `GatewayNode` is one. */
export interface StoreMemory {
  /** Whether it forgot is not known. */
  readonly isSuspect: boolean;
  /** It may lack sessions that sockets hold. */
  readonly isRestoring: boolean;
  /** Admissions and snapshots wait for them: not for a node that may be gone. */
  readonly isAwaited: boolean;
  /** Asks the store whether it forgot; then it is suspect no more, unless it does not answer. */
  check(): Promise<void>;
  /** Resolves when they are awaited no more. */
  restored(): Promise<void>;
  /** It may lack sessions without a socket, which their holders have yet to open again. */
  readonly isReturning: boolean;
  /** Asks once more: whether it may be believed that nothing is there. */
  isUpheld(): Promise<boolean>;
}

export interface RestoringOptions {
  /** So long others are waited for, as they may need to notice, and to open their sessions again. */
  readonly othersMs: number;
  /** It never takes longer than this. */
  readonly maxMs: number;
  /** Whether the sessions of this node are all open again. */
  readonly isIdle: () => boolean;
  /** Says so in the store, and in how many ms at most holders without a socket are back. Resolves with what all said. */
  readonly confirm: (returnsInMs: number) => Promise<RestoredBy>;
}

/** What nodes said in the store. */
export interface RestoredBy {
  readonly nodeIds: readonly string[];
  /** 0: none are waited for. */
  readonly returnsInMs: number;
}

export class Restoring {
  /** When it began, by `performance.now()`. */
  private begunAt = Number.NEGATIVE_INFINITY;
  /** Nodes that lived before the store forgot, and have not said that they are done. */
  private readonly missing = new Set<string>();
  private hasLost = false;
  /** Until then holders without a socket may come back, by `performance.now()`. */
  private returnsUntil = Number.NEGATIVE_INFINITY;
  private readonly options: RestoringOptions;
  /** One wait for all. */
  private readonly wait = singleFlight(async () => {
    while (this.isAwaited) await pause(LOOK_MS);
  });
  private readonly confirm = singleFlight(async () => {
    for (await pause(CONFIRM_MS); this.isOn; await pause(CONFIRM_MS)) await this.confirmOnce();
  });

  constructor(options: RestoringOptions) {
    this.options = options;
  }

  /** Until all have opened their sessions again, or `maxMs`. */
  get isOn(): boolean {
    const { maxMs, isIdle } = this.options;
    return this.sinceMs < maxMs && (this.missing.size > 0 || !isIdle());
  }

  get isAwaited(): boolean {
    const { othersMs, isIdle } = this.options;
    return this.isOn && (this.sinceMs < othersMs || !isIdle());
  }

  /** Others have yet to say until when, or it is known. */
  get isReturning(): boolean {
    return (this.hasLost && this.isOn) || performance.now() < this.returnsUntil;
  }

  /**
   * @param nodeIds those that lived when the store last had all.
   * @param returnsInMs holders without a socket that this process answered are back by then; undefined: none were forgotten.
   */
  begin(nodeIds: Iterable<string>, returnsInMs?: number): void {
    this.hasLost = (this.isOn && this.hasLost) || returnsInMs !== undefined;
    this.returnIn(returnsInMs ?? 0);
    // Who is missing since before has not said so for this time either.
    if (!this.isOn) this.missing.clear();
    for (const nodeId of nodeIds) this.missing.add(nodeId);
    this.begunAt = performance.now();
    void this.confirm();
  }

  /** Holders without a socket may come back for so long, as another process said. */
  returnIn(ms: number): void {
    if (ms > 0) this.returnsUntil = Math.max(this.returnsUntil, performance.now() + ms);
  }

  /** Resolves when it is awaited no more: at once when it is not on. */
  async over(): Promise<void> {
    if (this.isAwaited) await this.wait();
  }

  private async confirmOnce(): Promise<void> {
    const { begunAt } = this;
    if (!this.options.isIdle()) return;
    // Without an answer it is asked again.
    const leftMs = Math.max(0, this.returnsUntil - performance.now());
    const { nodeIds, returnsInMs } = await this.options.confirm(leftMs).catch(() => NOTHING_SAID);
    this.returnIn(returnsInMs);
    // It may have begun anew meanwhile.
    if (this.begunAt === begunAt) for (const nodeId of nodeIds) this.missing.delete(nodeId);
  }

  private get sinceMs(): number {
    return performance.now() - this.begunAt;
  }
}
