/**
 * A store and the model of what it should be, side by side. In real time, time passes by waits only, and a wait is put
 * in before a short lease could end by itself in the middle of an act.
 */
import { expect } from '@jest/globals';
import fc from 'fast-check';
import type { Change } from '../../../../presence-core/session.ts';
import { expectCountsToEqualRecount } from '../recount.ts';
import { type ContractStore, drain } from '../store-fixture.ts';
import { type PresenceModel, USERS } from './model-state.ts';

/** Ends every short lease; shorter than any silence that a keeper's beats allow. */
export const SHORT_MS = 800;
export const WAIT_MS = 1_000;
/** How long after a short lease was given acts may go on before it is waited out. */
const HASTE_MS = 200;
/** When it has taken longer, nothing can be said: half of a short lease, as that long a silence is answered. */
const SLIP_MS = 390;
export const KEEPER_LEASE_MS = 600_000;

export class ModelComparison {
  readonly held: ContractStore;
  readonly model: PresenceModel;
  readonly isRealTime: boolean;
  #shortSince: number | undefined;

  constructor(held: ContractStore, model: PresenceModel, isRealTime: boolean) {
    this.held = held;
    this.model = model;
    this.isRealTime = isRealTime;
  }

  /** To be called with every lease that an act gives. */
  gave(leaseMs: number): void {
    if (this.isRealTime && leaseMs === SHORT_MS) this.#shortSince ??= Date.now();
  }

  async waitOutShortLeases(): Promise<void> {
    if (this.#shortSince !== undefined && Date.now() - this.#shortSince > HASTE_MS) await this.wait(WAIT_MS);
  }

  /** In real time a keeper beats all along, so that no silence is answered, and the end of leases is swept at once. */
  async wait(ms: number): Promise<void> {
    if (!this.isRealTime) {
      await this.held.advance(ms);
      this.model.now += ms;
      return;
    }
    for (let passed = 0; passed < ms; passed += 50) {
      await this.held.advance(50);
      this.model.now += 50;
      expect((await this.held.store.nodes.beat('keeper', KEEPER_LEASE_MS)).outcome).toBe('alive');
      this.model.beat('keeper', KEEPER_LEASE_MS);
    }
    this.#shortSince = undefined;
    await this.sweep();
  }

  async sweep(): Promise<void> {
    this.model.sweep();
    await this.held.store.nodes.sweep();
    await expectCountsToEqualRecount(this.held.store, USERS);
  }

  compare(real: unknown, expected: unknown): void {
    // On a machine that stood still a short lease may have ended, or a silence have begun, where the model knows none.
    fc.pre(!this.isRealTime || this.#shortSince === undefined || Date.now() - this.#shortSince < SLIP_MS);
    if (this.isRealTime) expect(loosely(real, Date.now())).toEqual(loosely(expected, this.model.now));
    else expect(real).toEqual(expected);
  }

  async compareUsers(): Promise<void> {
    this.compare(
      await this.held.store.reads.status(USERS),
      USERS.map((userId) => this.model.status(userId)),
    );
    this.compare(
      await this.held.store.reads.sessions(USERS),
      USERS.map((userId) => this.model.sessions(userId)),
    );
  }

  async compareLogs(): Promise<void> {
    const log = await drain(this.held.store, await this.held.store.log.head());
    const told = log.map(({ sequence: _, shard: __, ...change }) => change);
    for (const userId of USERS) {
      const real = settled(told, userId, this.isRealTime);
      const expected = settled(this.model.log, userId, this.isRealTime);
      this.compare(real, expected);
    }
  }
}

type Told = Omit<Change, 'sequence' | 'shard'>;

/**
 * One user's changes, with what a sweep or a kick ended at one go in one order: the rules leave it open. In real time
 * the model does not know which of several leases ended first either.
 */
function settled(log: readonly Told[], userId: string, isRealTime: boolean): Told[] {
  const ends: Told[] = [];
  const result: Told[] = [];
  const flush = () => {
    const transition = ends.at(-1)?.transition;
    ends.sort((a, b) => (isRealTime ? 0 : a.at - b.at) || (a.sessionId < b.sessionId ? -1 : 1));
    result.push(
      ...ends.map((change, i) => ({ ...change, transition: i === ends.length - 1 ? transition : undefined })),
    );
    ends.length = 0;
  };
  for (const change of log.filter((one) => one.userId === userId)) {
    if (change.reason === 'timeout' || change.reason === 'node_lost' || change.reason === 'kicked') {
      ends.push(change);
      if (change.transition !== undefined) flush();
    } else {
      flush();
      result.push(change);
    }
  }
  flush();
  return result;
}

const INSTANTS = new Set(['at', 'lastSeenAt', 'segmentStartedAt']);

/** Instants become what can be said of them in real time: whether there is one, and whether a lease is a long one. */
function loosely(value: unknown, now: number): unknown {
  return JSON.parse(
    JSON.stringify(value, (key, part) => {
      if (typeof part !== 'number') return part;
      if (key === 'expiresAt' || key === 'nextFreeAt') return part - now > KEEPER_LEASE_MS / 2 ? 'long' : 'short';
      return INSTANTS.has(key) || key === 'retryAfterMs' ? 'some instant' : part;
    }),
  );
}
