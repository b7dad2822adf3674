/**
 * Time that passes only when the test says so, for code that waits by timers, by `node:timers/promises` and by the clocks
 * of the process. Between two timers everything that can run without waiting does run.
 *
 * jest's fake timers give each timer a millisecond of real time, and leave `node:timers/promises` alone.
 */
import { afterAll, jest } from '@jest/globals';

interface Timer {
  readonly id: number;
  readonly act: () => void;
  readonly everyMs: number | undefined;
  dueAt: number;
}

const realTurn = globalThis.setImmediate;
const turn = (): Promise<void> => new Promise((resolve) => void realTurn(resolve));

/** Leases end at whole milliseconds. */
const wholeMs = (ms: number): number => Math.max(0, Math.round(ms));

/** Where time begins: epoch ms. */
const BEGAN_AT = 1_750_000_000_000;

export class VirtualTime {
  now = BEGAN_AT;
  private readonly timers = new Map<number, Timer>();
  private created = 0;

  /**
   * Takes the place of timers and clocks in this test file. To be called before the code under test is imported, which
   * is to be done by `await import(…)`.
   */
  install(): void {
    const cancel = (handle: unknown): void => void this.timers.delete(Number(handle));
    Object.assign(globalThis, {
      setTimeout: (act: () => void, ms = 0) => this.add(act, ms, undefined),
      setInterval: (act: () => void, ms = 0) => this.add(act, ms, wholeMs(ms)),
      clearTimeout: cancel,
      clearInterval: cancel,
    });
    Date.now = () => this.now;
    // The process has one for all test files.
    const real = performance.now;
    performance.now = () => this.now - BEGAN_AT;
    afterAll(() => {
      performance.now = real;
    });
    jest.unstable_mockModule('node:timers/promises', () => ({
      setTimeout: (ms: number) => new Promise((resolve) => void this.add(() => resolve(undefined), ms, undefined)),
      setImmediate: turn,
    }));
  }

  /** Forgets all timers. */
  clear(): void {
    this.timers.clear();
  }

  /** Lets time pass, timer by timer, in the order in which they are due. */
  async pass(ms: number): Promise<void> {
    const until = this.now + ms;
    await turn();
    for (let timer = this.next(until); timer; timer = this.next(until)) {
      this.now = timer.dueAt;
      if (timer.everyMs === undefined) this.timers.delete(timer.id);
      else timer.dueAt += timer.everyMs;
      timer.act();
      await turn();
    }
    this.now = until;
  }

  private next(until: number): Timer | undefined {
    let next: Timer | undefined;
    for (const timer of this.timers.values()) {
      if (timer.dueAt <= until && (next === undefined || timer.dueAt < next.dueAt)) next = timer;
    }
    return next;
  }

  private add(act: () => void, ms: number, everyMs: number | undefined): object {
    this.created += 1;
    const id = this.created;
    this.timers.set(id, { id, act, everyMs, dueAt: this.now + wholeMs(ms) });
    const handle = { ref: () => handle, unref: () => handle, [Symbol.toPrimitive]: () => id };
    return handle;
  }
}
