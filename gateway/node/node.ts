/**
 * The life of this node towards the store: its lease, the sweep, the leases of its sockets' sessions, and what to do
 * when the lease lapsed or the store forgot (P8-P10). Sees connections and the store by their interfaces only.
 */
import { randomBytes } from 'node:crypto';
import {
  type BeatResult,
  type Displaced,
  type InboxMessage,
  type OwnedRef,
  type PresenceStore,
  type SocketOwner,
  TimingWheel,
} from '../../presence-core/index.ts';

/** What the node needs of a connection that holds a session. */
export interface Holder {
  readonly socket: { readonly id: number };
  readonly session: { readonly userId: string; readonly sessionId: string; readonly degraded: boolean } | undefined;
  renewSlot: number;
  reopen(intent: 'resume' | 'restore'): Promise<boolean>;
  displaced(reason: InboxMessage['reason'], by?: InboxMessage['by']): void;
}

export interface NodeLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

export interface NodeOptions {
  readonly store: PresenceStore;
  readonly log: NodeLog;
  readonly beatMs: number;
  readonly leaseMs: number;
  readonly sweepMs: number;
  readonly sessionLeaseMs: number;
  readonly resumeGraceMs: number;
}

/** A renewal is due at a third of the lease: two may fail. */
const RENEWALS_PER_LEASE = 3;
const RENEW_SLOTS = 64;
/** Reopening after a loss: at most this many at once, then a pause, so that nodes do not flood the store that is back. */
const REOPEN_AT_ONCE = 200;
const REOPEN_PAUSE_MS = 20;
const REOPEN_JITTER_MS = 500;
const REOPEN_RETRY_MS = 1_000;
/** Detaches that failed are kept for the next beat; beyond this the oldest is left to its session lease. */
const UNDETACHED_MAX = 100_000;

export class GatewayNode {
  private id = newNodeId();
  private epoch = '';
  private joined = false;
  private stopped = false;
  private readonly held = new Map<number, Holder>();
  private readonly renewals: TimingWheel<Holder>;
  private readonly undetached = new Map<string, OwnedRef>();
  private readonly detaching = new Set<Promise<unknown>>();
  private reopenRun = 0;
  private reopenDone = true;
  private readonly timers = new Set<NodeJS.Timeout>();
  private readonly options: NodeOptions;

  constructor(options: NodeOptions) {
    this.options = options;
    const periodMs = options.sessionLeaseMs / RENEWALS_PER_LEASE;
    this.renewals = new TimingWheel(periodMs, RENEW_SLOTS, (holders) => void this.renew(holders));
  }

  /** Changes when the lease lapsed: the process goes on as a new node (P9). */
  get nodeId(): string {
    return this.id;
  }

  /** Sessions that sockets of this node hold. */
  get sessionsHeld(): number {
    return this.held.size;
  }

  owner(connection: number): SocketOwner {
    return { nodeId: this.id, connection };
  }

  /** Takes the lease, then beats and sweeps until `stop`. The store must have started. */
  async start(): Promise<void> {
    await this.join();
    this.renewals.start();
    this.repeat(this.options.beatMs, () => this.beat());
    this.repeat(this.options.sweepMs, async () => {
      await this.options.store.nodes.sweep();
    });
  }

  /** From now on the holder's lease is renewed, until it is let go by `detach` or `drop`. */
  track(holder: Holder): void {
    this.held.set(holder.socket.id, holder);
    holder.renewSlot = this.renewals.add(holder);
  }

  untrack(holder: Holder): void {
    if (this.held.delete(holder.socket.id)) this.renewals.remove(holder, holder.renewSlot);
  }

  /** Leaves a session to the resume grace (P8), now or as soon as the store answers. */
  detach(session: { readonly userId: string; readonly sessionId: string }, connection: number): void {
    const { userId, sessionId } = session;
    const ref: OwnedRef = { userId, sessionId, owner: this.owner(connection) };
    const work = this.options.store.sessions.detach([ref], this.options.resumeGraceMs).then(
      () => {},
      () => this.keepUndetached(ref),
    );
    this.detaching.add(work);
    void work.finally(() => this.detaching.delete(work));
  }

  /** Tells sockets that another session's opening ended or moved theirs: own ones at once, others by their inbox. */
  notify(displaced: readonly Displaced[], by?: InboxMessage['by']): void {
    const elsewhere = displaced.filter(({ owner, session, reason }) => {
      if (typeof owner !== 'object') return false;
      if (owner.nodeId !== this.id) return true;
      this.deliver({ ...session, connection: owner.connection, reason, ...(by && { by }) });
      return false;
    });
    // What is lost here shows at the owner's next renewal.
    this.options.store.inbox.notify(elsewhere, by).catch(() => {});
  }

  /** Gives the lease up after all sessions were let go. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.reopenRun++;
    for (const timer of this.timers) clearTimeout(timer);
    this.renewals.stop();
    await Promise.all(this.detaching);
    if (this.joined) await this.options.store.nodes.quit(this.id).catch(() => {});
  }

  private async join(): Promise<BeatResult> {
    const result = await this.options.store.nodes.join(this.id, this.options.leaseMs);
    this.joined = true;
    this.epoch = result.epoch;
    this.options.store.inbox.listen(this.id, (message) => this.deliver(message));
    return result;
  }

  private async beat(): Promise<void> {
    const { store, leaseMs, log } = this.options;
    let result: BeatResult;
    try {
      result = await store.nodes.beat(this.id, leaseMs);
    } catch (error) {
      if (this.joined) log.warn({ err: error }, 'store unavailable, retrying');
      this.joined = false;
      throw error;
    }
    if (!this.joined) log.info({ nodeId: this.id }, 'store available again');
    this.joined = true;
    const forgot = result.epoch !== this.epoch;
    if (result.outcome === 'fenced') {
      const former = this.id;
      this.id = newNodeId();
      await this.join();
      void store.nodes.quit(former).catch(() => {});
      log.warn(
        { former, nodeId: this.id, forgot },
        'node lease expired: continuing under a new node id, reopening sessions',
      );
    } else if (forgot) {
      log.warn(
        { former: this.epoch, epoch: result.epoch },
        'the store lost data or failed over (new epoch): restoring sessions',
      );
      this.epoch = result.epoch;
    }
    if (result.outcome === 'fenced' || forgot) this.reopenAll(forgot ? 'restore' : 'resume');
    else if (this.reopenDone && this.anyDegraded())
      this.reopenAll('resume', (holder) => holder.session?.degraded === true);
    this.retryDetaches();
  }

  private anyDegraded(): boolean {
    for (const holder of this.held.values()) if (holder.session?.degraded) return true;
    return false;
  }

  private reopenAll(intent: 'resume' | 'restore', which: (holder: Holder) => boolean = () => true): void {
    const run = ++this.reopenRun;
    this.reopenDone = false;
    void this.reopen([...this.held.values()].filter(which), intent, () => run === this.reopenRun).finally(() => {
      if (run === this.reopenRun) this.reopenDone = true;
    });
  }

  private async reopen(holders: Holder[], intent: 'resume' | 'restore', current: () => boolean): Promise<void> {
    await pause(Math.random() * REOPEN_JITTER_MS);
    let left = holders;
    while (left.length > 0 && current()) {
      const again: Holder[] = [];
      for (let i = 0; i < left.length && current(); i += REOPEN_AT_ONCE) {
        const some = left.slice(i, i + REOPEN_AT_ONCE);
        const done = await Promise.all(some.map((holder) => holder.reopen(intent).catch(() => true)));
        some.forEach((holder, at) => {
          if (!done[at]) again.push(holder);
        });
        await pause(REOPEN_PAUSE_MS);
      }
      left = again;
      if (left.length > 0) await pause(REOPEN_RETRY_MS);
    }
  }

  private async renew(holders: ReadonlySet<Holder>): Promise<void> {
    const list: Holder[] = [];
    const requests = [];
    for (const holder of holders) {
      const { session } = holder;
      if (!session || session.degraded) continue;
      list.push(holder);
      const { userId, sessionId } = session;
      requests.push({ userId, sessionId, owner: this.owner(holder.socket.id), leaseMs: this.options.sessionLeaseMs });
    }
    if (list.length === 0) return;
    const sent = requests.map((request) => request.owner.nodeId);
    const results = await this.options.store.sessions.renew(requests).catch(() => []);
    results.forEach((result, i) => {
      const holder = list[i] as Holder;
      // Between sending and answer the node may have become a new one, or the socket may be gone.
      if (sent[i] !== this.id || !holder.session) return;
      if (result.outcome === 'gone') void holder.reopen('resume').catch(() => {});
      else if (result.outcome === 'moved') holder.displaced('moved');
      else if (result.outcome === 'ended') holder.displaced(result.reason);
    });
  }

  private deliver(message: InboxMessage): void {
    const holder = this.held.get(message.connection);
    const { session } = holder ?? {};
    if (session?.userId !== message.userId || session.sessionId !== message.sessionId) return;
    holder?.displaced(message.reason, message.by);
  }

  private keepUndetached(ref: OwnedRef): void {
    this.undetached.set(`${ref.userId} ${ref.sessionId}`, ref);
    if (this.undetached.size <= UNDETACHED_MAX) return;
    const [oldest] = this.undetached.keys();
    this.undetached.delete(oldest as string);
  }

  private retryDetaches(): void {
    if (this.undetached.size === 0) return;
    const refs = [...this.undetached.values()];
    this.undetached.clear();
    this.options.store.sessions.detach(refs, this.options.resumeGraceMs).catch(() => {
      for (const ref of refs) this.keepUndetached(ref);
    });
  }

  /** Runs work every `everyMs`, never twice at once; a failure is told by the work itself. */
  private repeat(everyMs: number, work: () => Promise<void>): void {
    const next = (): void => {
      if (this.stopped) return;
      const timer = setTimeout(async () => {
        this.timers.delete(timer);
        const begun = performance.now();
        await work().catch(() => {});
        again(everyMs - (performance.now() - begun));
      }, waitMs);
      this.timers.add(timer);
    };
    let waitMs = everyMs;
    const again = (ms: number): void => {
      waitMs = Math.max(0, ms);
      next();
    };
    next();
  }
}

/** Short, because it stands in the row of each session the node holds. 36^9 generations. */
function newNodeId(): string {
  return BigInt(`0x${randomBytes(8).toString('hex')}`)
    .toString(36)
    .slice(0, 9);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
