/** Carries out steps when they are due, and never waits for what they lead to. */
import { nowMs } from './clock.ts';
import type { Step } from './step.ts';

/**
 * Timers of Node are so coarse: a step that is sent within that time of its instant counts from when it was sent, and a
 * later one from when it was due.
 */
const TIMER_MS = 2;
/** Looked at so often whether it is to end, when nothing is due. */
const LONGEST_WAIT_MS = 100;

export class Pacer {
  private isStopped = false;

  /** @param act told each step, and the instant that its latency counts from. @param late by how much it was sent late. */
  async run(
    steps: Iterator<Step>,
    startMs: number,
    act: (step: Step, dueMs: number) => void,
    late: (ms: number) => void,
  ): Promise<void> {
    let next = steps.next();
    while (!next.done && !this.isStopped) {
      const now = nowMs();
      const dueMs = startMs + next.value.atMs;
      if (dueMs > now) {
        await new Promise((resolve) => setTimeout(resolve, Math.min(LONGEST_WAIT_MS, dueMs - now)));
        continue;
      }
      late(now - dueMs);
      act(next.value, now - dueMs <= TIMER_MS ? now : dueMs);
      next = steps.next();
    }
  }

  stop(): void {
    this.isStopped = true;
  }
}
