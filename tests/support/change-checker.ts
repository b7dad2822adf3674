/** Insists, all along, that a replica's answers are as young as they claim: by a stream whose name counts upwards. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Replica } from '../../gateway/replica/replica.ts';
import type { PresenceStore } from '../../presence-core/index.ts';
import { LONG_MS } from './presence-churn.ts';

const EMPTY = -1;
const UNTOLD_MS = 500;

/** What was surely true at an instant: the version written last, or nothing since Redis was emptied. */
interface Truth {
  readonly at: number;
  readonly version: number;
  readonly isEmpty: boolean;
}

export class ChangeChecker {
  readonly wrongAnswers: string[] = [];
  answers = 0;
  private readonly store: PresenceStore;
  private readonly replica: Replica;
  private readonly maxLagMs: number;
  private readonly truths: Truth[] = [{ at: Number.NEGATIVE_INFINITY, version: EMPTY, isEmpty: true }];
  private version = 0;
  private emptying = false;
  private writing: Promise<unknown> = Promise.resolve();
  private stopped = false;
  private readonly running: readonly Promise<void>[];

  constructor(store: PresenceStore, replica: Replica, maxLagMs: number) {
    this.store = store;
    this.replica = replica;
    this.maxLagMs = maxLagMs;
    this.running = [this.write(), this.watch()];
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await Promise.all(this.running);
  }

  /** Lets a fault happen after which Redis holds nothing. */
  async whileEmptied(fault: () => Promise<void>): Promise<void> {
    this.emptying = true;
    await this.writing;
    await fault();
    this.truths.push({ at: performance.now(), version: this.version, isEmpty: true });
    // Nothing is written that would tell by itself.
    await sleep(UNTOLD_MS);
    this.emptying = false;
  }

  private async write(): Promise<void> {
    while (!this.stopped) {
      if (!this.emptying) {
        this.writing = this.writeOne().catch(() => {});
        await this.writing;
      }
      await sleep(10);
    }
  }

  /** What fails may have been written or not: nothing is claimed of it. */
  private async writeOne(): Promise<void> {
    this.version += 1;
    const { version } = this;
    const attributes = { streamId: `version-${version}` };
    const lease = { owner: 'heartbeat', leaseMs: LONG_MS, intent: 'fresh' } as const;
    await this.store.sessions.open({ userId: 'checker', sessionId: 's', attributes, ...lease });
    this.truths.push({ at: performance.now(), version, isEmpty: false });
  }

  private async watch(): Promise<void> {
    while (!this.stopped) {
      const top = this.replica.top('stream', 1_000);
      const now = performance.now();
      if (top) {
        const item = top.value.find(({ key }) => key.startsWith('version-'));
        this.judge(item ? Number(item.key.slice('version-'.length)) : EMPTY, now - top.ageMs);
        if (top.ageMs > this.maxLagMs + 5) this.wrongAnswers.push(`an answer ${top.ageMs} ms old`);
      }
      await sleep(5);
    }
  }

  /** Whether an answer knows all that was true at `asOf`, or more. */
  private judge(shown: number, asOf: number): void {
    this.answers += 1;
    const at = this.truths.findLastIndex((truth) => truth.at <= asOf);
    const { version, isEmpty } = this.truths[at] as Truth;
    const wasEmptied = isEmpty || this.emptying || this.truths.slice(at + 1).some((truth) => truth.isEmpty);
    const isTrue = shown === EMPTY ? wasEmptied : shown > version || (shown === version && !isEmpty);
    if (!isTrue) this.wrongAnswers.push(`showed ${shown}, when ${isEmpty ? 'nothing after ' : ''}${version} was known`);
  }
}
