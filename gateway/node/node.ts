/**
 * This process as the store knows it: a node with a lease, which holds the sessions of its sockets' players. Beats,
 * sweeps, goes on as a new node when its lease lapsed, and opens sessions again when the store forgot them (P8-P10).
 */
import { randomBytes } from 'node:crypto';
import {
  type BeatResult,
  type Displaced,
  type InboxMessage,
  type PresenceStore,
  pause,
  RECONNECT_MAX_MS,
  type Repeating,
  repeating,
  SharedRead,
  type SocketOwner,
} from '../../presence-core/index.ts';
import { Detaches } from './detaches.ts';
import type { HeldPlayer, ReopenIntent } from './held-player.ts';
import { Renewals } from './renewals.ts';
import { Reopening } from './reopening.ts';
import { Restoring } from './restoring.ts';

export type { HeldPlayer } from './held-player.ts';

/** A store that took so long to sweep nothing stood still: half of what its calls wait. */
const STALL_MS = 500;
/** With the default lease one every 30 s. */
const DOUBTS_PER_LEASE = 20;

export interface NodeLog {
  warn(fields: object, message: string): void;
}

/** A session that its player gave up. */
export interface DetachedSession {
  readonly userId: string;
  readonly sessionId: string;
  /** Under which it was opened. */
  readonly owner: SocketOwner;
  /** Its open had no answer. */
  readonly isUncertain: boolean;
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

export class GatewayNode {
  private id = newNodeId();
  private epoch = '';
  /** Nodes that lived at the last beat. */
  private living: readonly string[] = [];
  /** Ids under which this process held sessions before the present epoch. */
  private idsBefore: readonly string[] = [];
  /** Ids before this one, until all their sessions were opened again. */
  private readonly formerIds = new Set<string>();
  /** The lease of the present id was taken. */
  private isMember = false;
  private isAway = false;
  private suspected = false;
  private isStopped = false;
  /** Players whose sockets hold a session, or are about to, by the number of the socket. */
  private readonly players = new Map<number, HeldPlayer>();
  private readonly renewals: Renewals;
  private readonly reopening = new Reopening({
    mayRun: () => this.isMember && !this.isAway && !this.isStopped,
    done: () => this.quitFormer(),
  });
  private readonly restoring: Restoring;
  /** The first sweep, at most a node lease long: while no process ran nobody ended anything. */
  private firstSweep: Promise<void> | undefined;
  /** The store stood still for a moment, or did not answer: who displaced a socket may not know it, and not have told. */
  private isDoubtful = false;
  /** By `performance.now()`. */
  private renewedAllAt = Number.NEGATIVE_INFINITY;
  private readonly detaches: Detaches;
  /** One at a time, whoever asks for it; nobody is answered by one from before. */
  private readonly beats = new SharedRead((_: 'beat') => this.beat());
  private readonly repeats: Repeating[] = [];
  private readonly options: NodeOptions;

  constructor(options: NodeOptions) {
    const { store, beatMs, leaseMs, sessionLeaseMs, resumeGraceMs } = options;
    this.options = options;
    // Another node notices at its next beat, and may have failed at one, or be yet to connect again.
    this.restoring = new Restoring({
      othersMs: beatMs + Math.max(beatMs, RECONNECT_MAX_MS),
      maxMs: leaseMs,
      isIdle: () => this.reopening.hasRestored,
      confirm: async () => (this.isStopped ? [] : store.nodes.confirmRestored(this.idsBefore, this.epoch)),
    });
    this.renewals = new Renewals({ store, sessionLeaseMs });
    this.detaches = new Detaches(store, resumeGraceMs);
  }

  /** Changes when the lease lapsed: the process goes on as a new node (P9). */
  get nodeId(): string {
    return this.id;
  }

  /** Sessions that sockets of this node hold, or are about to. */
  get sessionsHeld(): number {
    return this.players.size;
  }

  /** This process holds a lease in the store, by its last beat. */
  get hasLease(): boolean {
    return this.isMember && !this.isAway;
  }

  /**
   * The store forgot, and may not have all sessions again that sockets hold; or this process has just started, and it may
   * have some of processes that are gone: what it answers is not what is (P9, P10).
   */
  get isRestoring(): boolean {
    return this.firstSweep !== undefined || this.restoring.isOn;
  }

  /** Admissions and snapshots wait for that. */
  get isAwaited(): boolean {
    return this.firstSweep !== undefined || this.restoring.isAwaited;
  }

  /** Resolves when they are awaited no more: at once in quiet times. */
  async restored(): Promise<void> {
    await this.firstSweep;
    await this.restoring.over();
  }

  /** Whether the store forgot is not known: a connection to it was lost since the last beat. */
  get isSuspect(): boolean {
    return this.suspected;
  }

  suspect(): void {
    this.suspected = true;
  }

  /** Asks the store at once whether it forgot: its connection was lost, or a reader of the log lost its place. */
  async check(): Promise<void> {
    await this.isUpheld();
  }

  /**
   * Whether the store may be believed that somebody else has a session, or ended it: asked once more, it has not
   * forgotten and not gone back to what was before (P10).
   */
  async isUpheld(): Promise<boolean> {
    if (this.repeats.length === 0 || this.isStopped) return true;
    const { epoch } = this;
    return this.beats.ask('beat').then(
      () => this.epoch === epoch,
      () => false,
    );
  }

  owner(connection: number): SocketOwner {
    return { nodeId: this.id, connection };
  }

  /** Takes the lease, then beats and sweeps until `stop`; resolves after the first sweep. The store must have started. */
  async start(): Promise<void> {
    const { epoch, nodes } = await this.join();
    this.epoch = epoch;
    this.living = nodes;
    if (this.isStopped) return;
    this.renewals.start();
    const { beatMs, leaseMs, sweepMs } = this.options;
    this.repeats.push(repeating({ everyMs: beatMs }, () => this.beats.ask('beat')));
    this.firstSweep = Promise.race([this.sweep().catch(() => {}), pause(leaseMs)]).then(() => {
      this.firstSweep = undefined;
    });
    this.repeats.push(repeating({ everyMs: sweepMs }, () => this.sweep()));
    await this.firstSweep;
  }

  /** From now on messages reach the player, and the lease of its session, once it has one, is renewed, until `untrack`. */
  track(player: HeldPlayer): void {
    this.players.set(player.connection, player);
    this.renewals.add(player);
  }

  untrack(player: HeldPlayer): void {
    if (!this.players.delete(player.connection)) return;
    this.renewals.remove(player);
    this.reopening.remove(player);
  }

  /** Whether a node id is or was this process'. */
  isOwn(nodeId: string): boolean {
    return nodeId === this.id || this.formerIds.has(nodeId);
  }

  /** Gives the session of a player a turn to be opened again, as soon as the store answers. */
  reopen(player: HeldPlayer): void {
    this.reopening.add(player);
  }

  /** Leaves a session to the resume grace (P8), now or as soon as the store answers. */
  detach({ userId, sessionId, owner, isUncertain }: DetachedSession): void {
    this.detaches.detach({ userId, sessionId, owner }, isUncertain);
  }

  /** Notifies the sockets whose sessions another open ended or took over: own ones at once, others by their inbox. */
  notify(displaced: readonly Displaced[], by?: InboxMessage['by']): void {
    const elsewhere = displaced.filter(({ owner, session, reason }) => {
      if (typeof owner !== 'object') return false;
      if (!this.isOwn(owner.nodeId)) return true;
      this.deliver({ ...session, connection: owner.connection, reason, ...(by && { by }) });
      return false;
    });
    // What is lost here shows at the owner's next renewal.
    this.options.store.inbox.notify(elsewhere, by).catch(() => {});
  }

  /** Gives the lease up after all sessions were released. */
  async stop(): Promise<void> {
    this.isStopped = true;
    this.reopening.stop();
    // What runs is left to end: the store may be away.
    for (const repeat of this.repeats) void repeat.stop();
    this.renewals.stop();
    await this.detaches.settled();
    // What is still kept would end at once as `node_lost`, without its grace.
    await this.detaches.retry();
    if (this.isMember && !this.isAway) await this.options.store.nodes.quit(this.id).catch(() => {});
  }

  /** Takes a lease under the present id. Repeated after an unknown outcome, it is the same lease. */
  private async join(): Promise<BeatResult> {
    const { store, leaseMs } = this.options;
    const result = await store.nodes.join(this.id, leaseMs);
    // Nobody else would give this lease up.
    if (this.isStopped) await store.nodes.quit(this.id);
    if (result.outcome === 'fenced') return result;
    this.isMember = true;
    store.inbox.listen(this.id, (message) => this.deliver(message));
    this.reopening.go();
    return result;
  }

  private async sweep(): Promise<void> {
    const begunAt = performance.now();
    let hasEnded = false;
    try {
      hasEnded = (await this.options.store.nodes.sweep()).ended > 0;
    } finally {
      // One that ends many takes its time.
      if (!hasEnded && performance.now() - begunAt > STALL_MS) this.isDoubtful = true;
    }
  }

  private async beat(): Promise<void> {
    const { store, leaseMs, log } = this.options;
    let result: BeatResult;
    const wasAway = this.isAway;
    try {
      result = this.isMember ? await store.nodes.beat(this.id, leaseMs) : await this.join();
      // A lease that ran until now covers what is not opened again yet. Then it is given up, again if that had no answer.
      if (this.reopening.isIdle) this.quitFormer();
      else for (const former of this.formerIds) await store.nodes.beat(former, leaseMs);
    } catch (error) {
      this.isAway = true;
      throw error;
    }
    if (this.isStopped) return;
    this.isAway = false;
    this.suspected = false;
    const forgot = result.epoch !== this.epoch;
    if (forgot) {
      log.warn(
        { former: this.epoch, epoch: result.epoch },
        'the store lost data or failed over (new epoch): restoring sessions',
      );
      this.epoch = result.epoch;
      this.idsBefore = [this.id, ...this.formerIds];
      this.restoring.begin(this.living);
    }
    this.living = result.nodes;
    if (forgot || result.outcome === 'fenced') await this.goOnAsNew(forgot ? 'restore' : 'resume');
    this.reopening.go();
    if (wasAway || this.isDoubtful) this.renewAll(wasAway);
    void this.detaches.retry();
  }

  /**
   * Finds out at once who lost its session meanwhile, untold. In mere doubt not more often than a few times in a lease: a
   * store that is always slow is not to be asked more.
   */
  private renewAll(isUrgent: boolean): void {
    const { resumeGraceMs, sessionLeaseMs } = this.options;
    const now = performance.now();
    if (!isUrgent && now - this.renewedAllAt < sessionLeaseMs / DOUBTS_PER_LEASE) return;
    this.isDoubtful = false;
    this.renewedAllAt = now;
    void this.renewals.renewAll(this.players.values(), resumeGraceMs / 2);
  }

  /**
   * A lapsed lease and a store that went back are one path (P9, P10): a new id, all sessions opened again under it, and
   * only then the former id given up. What the store still has under that one is held by no socket, and ends.
   */
  private async goOnAsNew(intent: ReopenIntent): Promise<void> {
    const { log } = this.options;
    const former = this.id;
    this.formerIds.add(former);
    this.isMember = false;
    this.id = newNodeId();
    log.warn({ former, nodeId: this.id, intent }, 'continuing under a new node id: opening sessions again');
    // From now on nothing renews them. They wait until the lease is taken.
    for (const player of this.players.values()) player.lost(intent);
    // Without an answer the next beat joins again.
    await this.join();
  }

  private quitFormer(): void {
    if (!this.reopening.isIdle) return;
    for (const former of this.formerIds) {
      this.options.store.nodes.quit(former).then(
        () => this.formerIds.delete(former),
        () => {},
      );
    }
  }

  private deliver(message: InboxMessage): void {
    const player = this.players.get(message.connection);
    const session = player?.session;
    if (session?.userId !== message.userId || session.sessionId !== message.sessionId) return;
    player?.displaced(message.reason, message.by);
  }
}

/** Short, because it stands in the row of each session the node holds. 36^9 generations. */
function newNodeId(): string {
  return BigInt(`0x${randomBytes(8).toString('hex')}`)
    .toString(36)
    .slice(0, 9);
}
