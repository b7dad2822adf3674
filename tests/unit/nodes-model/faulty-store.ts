/**
 * One store for several nodes, which can lose its memory, and a link to it for each node, which can lose requests and
 * answers. What ran is kept, so that an earlier state can be made again by doing the same acts at the same instants.
 */
import type { NodeMessage, OpenRequest, OpenResult, PresenceStore } from '../../../presence-core/index.ts';
import { MemoryStore, StoreError } from '../../../presence-core/index.ts';
import type { VirtualTime } from '../../support/virtual-time.ts';

/** `refused`: no connection. `silent`: no answer; whether the act runs is open. `deaf`: it runs, the answer is lost. */
export type LinkState = 'up' | 'refused' | 'silent' | 'deaf';

const ANSWER_BOUND_MS = 1_000;
const LATENCY_MS = 4;
/** How long after a silence what was on its way may still arrive. */
const LATE_MS = 2_500;

type Act = (store: MemoryStore) => Promise<unknown>;

export interface FaultyStoreOptions {
  readonly time: VirtualTime;
  readonly random: () => number;
  readonly defaultLimit: number;
}

export class FaultyStore {
  inner: MemoryStore;
  /** What was broken, in words. */
  readonly broken: string[] = [];
  /** Users who were let in above the limit, as the store forgot. */
  readonly restored = new Set<string>();
  readonly listeners = new Map<string, (message: NodeMessage) => void>();
  private journal: { readonly at: number; readonly act: Act }[] = [];
  readonly options: FaultyStoreOptions;

  constructor(options: FaultyStoreOptions) {
    this.options = options;
    this.inner = this.create(() => options.time.now);
  }

  /** A store without all that was ever written. */
  forget(): void {
    this.journal = [];
    this.inner = this.create(() => this.options.time.now);
  }

  /** The store as it was some time ago. */
  async rollBack(ms: number): Promise<void> {
    const { time } = this.options;
    let replayedAt: number | undefined;
    const store = this.create(() => replayedAt ?? time.now);
    this.journal = this.journal.filter(({ at }) => at <= time.now - ms);
    for (const { at, act } of [...this.journal]) {
      replayedAt = at;
      await act(store);
    }
    replayedAt = undefined;
    this.inner = store;
  }

  async run<T>(act: (store: MemoryStore) => Promise<T>): Promise<T> {
    this.journal.push({ at: this.options.time.now, act });
    return act(this.inner);
  }

  async open(request: OpenRequest): Promise<OpenResult> {
    const result = await this.run((store) => store.sessions.open(request));
    const { userId, sessionId, intent } = request;
    if (result.outcome !== 'opened') return result;
    if (intent === 'restore') this.restored.add(userId);
    else if (result.current > result.max) this.broken.push(`${userId}/${sessionId} was admitted above the limit`);
    return result;
  }

  private create(clock: () => number): MemoryStore {
    return new MemoryStore({ clock, defaultLimit: this.options.defaultLimit });
  }
}

/** What one node sees of the store. */
export class Link {
  private state: LinkState = 'up';
  /** Acts on their way, and messages for the node. */
  private held: (() => void)[] = [];
  private fences = 0;
  /** Its process is gone. */
  isOver = false;
  private readonly server: FaultyStore;
  readonly store: PresenceStore;

  constructor(server: FaultyStore) {
    this.server = server;
    this.store = this.facets();
  }

  /** The next beat is told that the lease lapsed, as it did in another shard. */
  fence(): void {
    this.fences += 1;
  }

  end(): void {
    this.state = 'refused';
    this.held = [];
    this.isOver = true;
  }

  set(state: LinkState): void {
    if (this.isOver) return;
    this.state = state;
    if (state !== 'up') return;
    const arriving = this.held;
    this.held = [];
    // In the order in which they were sent, as on one connection.
    setTimeout(() => {
      for (const act of arriving) act();
    }, this.server.options.random() * LATE_MS);
  }

  private pause(ms: number): Promise<void> {
    return new Promise((resolve) => void setTimeout(resolve, ms));
  }

  /** @param act runs at most once. */
  private async call<T>(act: () => Promise<T>): Promise<T> {
    const { random } = this.server.options;
    await this.pause(random() * LATENCY_MS);
    switch (this.state) {
      case 'refused':
        throw new StoreError('store_unavailable', 'connection refused');
      case 'deaf':
        void act();
        return this.late();
      case 'silent': {
        const fate = random();
        if (fate < 0.5) this.held.push(() => void act());
        else if (fate < 0.75) void act();
        return this.late();
      }
      case 'up': {
        const result = await act();
        await this.pause(random() * LATENCY_MS);
        return this.stateNow() === 'up' ? result : this.late();
      }
      default:
        return this.state satisfies never;
    }
  }

  private stateNow(): LinkState {
    return this.state;
  }

  private async late(): Promise<never> {
    await this.pause(ANSWER_BOUND_MS);
    throw new StoreError('store_unavailable', 'no answer in time');
  }

  private arrive(message: () => void): void {
    if (this.state === 'up') setTimeout(message, this.server.options.random() * LATENCY_MS);
    else this.held.push(message);
  }

  private facets(): PresenceStore {
    const { server } = this;
    const via = <A extends unknown[], T>(act: (store: MemoryStore, ...args: A) => Promise<T>) => {
      return (...args: A): Promise<T> => this.call(() => server.run((store) => act(store, ...args)));
    };
    const stub = {
      name: 'memory',
      isShared: true,
      outlivesProcess: true,
      secret: () => 'secret',
      sessions: {
        open: (request: OpenRequest) => this.call(() => server.open(request)),
        renew: via((store, ...args: Parameters<PresenceStore['sessions']['renew']>) => store.sessions.renew(...args)),
        update: via((store, ...args: Parameters<PresenceStore['sessions']['update']>) =>
          store.sessions.update(...args),
        ),
        detach: via((store, ...args: Parameters<PresenceStore['sessions']['detach']>) =>
          store.sessions.detach(...args),
        ),
        close: via((store, ...args: Parameters<PresenceStore['sessions']['close']>) => store.sessions.close(...args)),
        kick: via((store, userId: string) => store.sessions.kick(userId)),
      },
      nodes: {
        join: via((store, nodeId: string, leaseMs: number) => store.nodes.join(nodeId, leaseMs)),
        beat: async (nodeId: string, leaseMs: number) => {
          const result = await this.call(() => server.run((store) => store.nodes.beat(nodeId, leaseMs)));
          if (this.fences === 0) return result;
          this.fences -= 1;
          return { ...result, outcome: 'fenced' as const };
        },
        quit: via((store, nodeId: string) => store.nodes.quit(nodeId)),
        confirmRestored: via((store, ...args: Parameters<PresenceStore['nodes']['confirmRestored']>) =>
          store.nodes.confirmRestored(...args),
        ),
        sweep: via((store) => store.nodes.sweep()),
      },
      inbox: {
        notify: (...[displaced, by]: Parameters<PresenceStore['inbox']['notify']>) =>
          this.call(async () => {
            for (const { session, owner, reason } of displaced) {
              if (typeof owner === 'string') continue;
              const { userId, sessionId } = session;
              const message = { userId, sessionId, connection: owner.connection, reason, ...(by && { by }) };
              server.listeners.get(owner.nodeId)?.(message);
            }
          }),
        send: (...[nodeIds, message]: Parameters<PresenceStore['inbox']['send']>) =>
          this.call(async () => {
            for (const nodeId of nodeIds) server.listeners.get(nodeId)?.(message);
          }),
        listen: (nodeId: string, deliver: (message: NodeMessage) => void) =>
          server.listeners.set(nodeId, (message) => this.arrive(() => deliver(message))),
      },
    };
    return stub as unknown as PresenceStore;
  }
}
