/** What the contract tests stand on: a fresh store per test, short words for requests, and readers of the log. */
import type { OpenRequest, OpenResult, PresenceStore } from '../../../presence-core/index.ts';
import type { Attributes, Change, Owner, Session, SocketOwner } from '../../../presence-core/session.ts';

export interface ContractOptions {
  readonly defaultLimit?: number;
  readonly tombstoneMs?: number;
  readonly leftTombstoneMs?: number;
  readonly seenTtlMs?: number;
  readonly seenMax?: number;
  readonly logMax?: number;
  readonly stallGraceMs?: number;
  readonly claimMs?: number;
}

export interface ContractStore {
  readonly store: PresenceStore;
  /** Another handle on the same data; the memory store gives the same one. */
  second(): Promise<PresenceStore>;
  /** Lets time pass: steps the fake clock, or really waits. */
  advance(ms: number): Promise<void>;
  /** Empties the data under the store; only where that can happen. */
  forget?(): Promise<void>;
  stop(): Promise<void>;
}

export type CreateStore = (options?: ContractOptions) => Promise<ContractStore>;

/** A lease that no test outlives. */
export const LONG = 60_000;
/** A lease that has surely run out after `PAST`, and surely not while a handful of calls are made. */
export const SHORT = 400;
export const PAST = 600;
/** Lease of a node that is to be lost. Others beat far more often than every half of it. */
export const NODE_LEASE = 800;

/** Runs a test on a fresh store and stops it whatever happens. */
export async function withFixture(
  create: CreateStore,
  act: (fixture: StoreFixture) => Promise<void>,
  options: ContractOptions = {},
): Promise<void> {
  const held = await create(options);
  try {
    await act(new StoreFixture(held));
  } finally {
    await held.stop();
  }
}

export class StoreFixture {
  readonly store: PresenceStore;
  readonly held: ContractStore;

  constructor(held: ContractStore) {
    this.held = held;
    this.store = held.store;
  }

  advance(ms: number): Promise<void> {
    return this.held.advance(ms);
  }

  /** Opens by heartbeat unless told otherwise. */
  open(userId: string, sessionId: string, more: Partial<OpenRequest> = {}): Promise<OpenResult> {
    return this.store.sessions.open({ ...DEFAULTS, userId, sessionId, ...more });
  }

  /** Opens and insists that it was let in. */
  async opened(userId: string, sessionId: string, more: Partial<OpenRequest> = {}): Promise<void> {
    const result = await this.open(userId, sessionId, more);
    if (result.outcome !== 'opened') throw new Error(`expected ${userId}/${sessionId} to open: ${result.outcome}`);
  }

  /** Opens one after the other, far enough apart to have an age order. */
  async openedInTurn(userId: string, ...sessionIds: string[]): Promise<void> {
    for (const sessionId of sessionIds) {
      await this.opened(userId, sessionId);
      await this.advance(5);
    }
  }

  async join(nodeId: string, leaseMs = LONG): Promise<void> {
    const { outcome } = await this.store.nodes.join(nodeId, leaseMs);
    if (outcome !== 'alive') throw new Error(`expected ${nodeId} to join: ${outcome}`);
  }

  /** Lets time pass while some nodes go on beating, so that their store is never silent (P9). */
  async advanceBeating(ms: number, ...nodeIds: string[]): Promise<void> {
    for (let passed = 0; passed < ms; passed += 100) {
      await this.advance(100);
      for (const nodeId of nodeIds) await this.store.nodes.beat(nodeId, LONG);
    }
  }

  /** Ids of a user's live sessions, oldest first. */
  async liveIds(userId: string): Promise<string[]> {
    return (await this.sessionsOf(userId)).map((session) => session.sessionId);
  }

  async sessionsOf(userId: string): Promise<readonly Session[]> {
    const [user] = await this.store.reads.sessions([userId]);
    return user?.sessions ?? [];
  }

  async isOnline(userId: string): Promise<boolean | undefined> {
    const [status] = await this.store.reads.status([userId]);
    return status?.online;
  }

  /** Everything in the log, from the oldest entry kept. */
  async wholeLog(): Promise<Change[]> {
    return drain(this.store, await this.store.log.head());
  }

  /** `kind session reason transition` of each change: `close s1 timeout offline`. */
  async story(userId?: string): Promise<string[]> {
    const changes = await this.wholeLog();
    return changes.filter((change) => userId === undefined || change.userId === userId).map(describeChange);
  }
}

const DEFAULTS = { attributes: {}, owner: 'heartbeat', leaseMs: LONG, intent: 'fresh' } as const;

/** Reads on from a cursor until there is nothing more. */
export async function drain(store: PresenceStore, cursor: string): Promise<Change[]> {
  const changes: Change[] = [];
  for (let at = cursor, more = true; more; ) {
    const page = await store.log.read(at, 1000, 0);
    changes.push(...page.changes);
    at = page.cursor;
    more = page.changes.length > 0;
  }
  return changes;
}

export function describeChange(change: Change): string {
  return [change.kind, change.sessionId, change.reason, change.transition].filter(Boolean).join(' ');
}

export function socket(nodeId: string, connection = 1): SocketOwner {
  return { nodeId, connection };
}

export function ref(
  userId: string,
  sessionId: string,
  owner: Owner,
): { userId: string; sessionId: string; owner: Owner } {
  return { userId, sessionId, owner };
}

/** A session that tells everything of itself. */
export const FULL: Attributes = {
  streamId: 'film:1',
  deviceId: 'device-1',
  deviceType: 'tv',
  country: 'DE',
  state: 'Bayern',
  meta: { app: '1.2', os: 'x y' },
};
