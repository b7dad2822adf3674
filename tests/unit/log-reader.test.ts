/** When changes are handed on: the first at once, what follows gathered (W25). On virtual time. */
import { afterEach, expect, test } from '@jest/globals';
import type { Change, LogPage, PresenceStore } from '../../presence-core/index.ts';
import { VirtualTime } from '../support/virtual-time.ts';

const time = new VirtualTime();
time.install();
const { LogReader } = await import('../../gateway/node/log-reader.ts');

const change: Change = {
  kind: 'open',
  at: 0,
  userId: 'u',
  sessionId: 's',
  via: 'socket',
  startedAt: 0,
  segment: 0,
  segmentStartedAt: 0,
  sequence: 1,
  shard: 0,
};

/** A log whose pages the test gives: a read waits until there is one. */
class HandLog {
  /** Instants at which reads began, in ms of virtual time. */
  readonly readsAt: number[] = [];
  private readonly began = time.now;
  private answer: ((page: LogPage) => void) | undefined;
  private pages = 0;

  get ms(): number {
    return time.now - this.began;
  }

  get isAsked(): boolean {
    return this.answer !== undefined;
  }

  read(): Promise<LogPage> {
    this.readsAt.push(this.ms);
    return new Promise((resolve) => {
      this.answer = resolve;
    });
  }

  give(changes: number): void {
    const { answer } = this;
    this.answer = undefined;
    this.pages += 1;
    const page = { changes: Array(changes).fill(change), cursor: `c${this.pages}`, gap: false, more: false, asOf: 0 };
    answer?.(page);
  }
}

afterEach(() => time.clear());

function startReader(handOn: (changes: number) => void = () => {}): HandLog {
  const log = new HandLog();
  const store = { log, snapshots: { division: 0 } } as unknown as PresenceStore;
  const reader = new LogReader(store, {
    batch: (changes) => handOn(changes.length),
    gap: () => {},
    failed: (error) => {
      throw error;
    },
  });
  reader.start('c0');
  return log;
}

test('[W25] a change after a quiet time is handed on in the turn in which it is read', async () => {
  const at: number[] = [];
  const log = startReader(() => at.push(log.ms));
  await time.pass(500);
  log.give(1);
  await time.pass(0);
  expect(at).toEqual([500]);
});

test('[W25] what follows is gathered for 3 ms, then the next read waits for news', async () => {
  const log = startReader();
  await time.pass(100);
  log.give(1);
  await time.pass(2);
  expect(log.isAsked).toBe(false);
  await time.pass(1);
  expect(log.isAsked).toBe(true);
  log.give(4);
  await time.pass(3);
  expect(log.readsAt).toEqual([0, 103, 106]);
});

test('[W25] the more changes come, the longer they are gathered, up to 20 ms; a log far ahead is read at once', async () => {
  const log = startReader();
  const gathered: number[] = [];
  for (const changes of [6, 20, 30, 40, 500, 512, 4_096]) {
    await time.pass(100);
    const before = log.ms;
    log.give(changes);
    await time.pass(50);
    gathered.push((log.readsAt.at(-1) as number) - before);
  }
  expect(gathered).toEqual([3, 10, 15, 20, 20, 0, 0]);
});

test('[W25] the longer it takes to hand changes on, the longer the next are gathered, up to 20 ms', async () => {
  let tookMs = 0;
  const log = startReader(() => {
    time.now += tookMs;
  });
  const gathered: number[] = [];
  for (tookMs of [0, 2, 4, 30]) {
    await time.pass(100);
    log.give(1);
    const handedOnAt = log.ms + tookMs;
    await time.pass(50);
    gathered.push((log.readsAt.at(-1) as number) - handedOnAt);
  }
  expect(gathered).toEqual([3, 8, 16, 20]);
});
