/**
 * This process as the store knows it: a node with a lease, which holds the sessions of its sockets' players. Beats,
 * sweeps, goes on as a new node when its lease lapsed, and opens sessions again when the store forgot them (P8-P10).
 */
import { randomBytes } from 'node:crypto';
import {
  type BeatResult,
  ConnectionNumbers,
  type Displaced,
  type InboxMessage,
  type NodeMessage,
  type PresenceStore,
  pause,
  RECONNECT_MAX_MS,
  type Repeating,
  repeating,
  SharedRead,
  type SocketOwner,
  StoreError,
} from '../../presence-core/index.ts';
import { Detaches } from './detaches.ts';
import type { HeldPlayer, ReopenIntent } from './held-player.ts';
import { LoopWatch } from './loop-watch.ts';
import { Renewals } from './renewals.ts';
import { Reopening } from './reopening.ts';
import { NOTHING_SAID, type RestoredBy, Restoring } from './restoring.ts';
import type { Returns } from './returns.ts';
import { StoreClock } from './store-clock.ts';
import { UserBursts, type Users } from './user-bursts.ts';

export type { HeldPlayer } from './held-player.ts';

/** A client has connected again by then, and joined, on a store that is back. */
const OTHERS_JOIN_MS = 2 * RECONNECT_MAX_MS;
/** Of more users at once all sessions are renewed. */
const RENEW_USERS_MAX = 20_000;
/** Requests of so long are one pass over the players. */
const RENEW_PAUSE_MS = 100;

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

export interface ConnectionOfHello {
  readonly connection: number;
  /** By `performance.now()`; earlier than now when the loop stood still. */
  readonly receivedAt: number;
}

export interface NodeOptions {
  readonly store: PresenceStore;
  readonly log: NodeLog;
  readonly beatMs: number;
  readonly leaseMs: number;
  readonly sweepMs: number;
  readonly sessionLeaseMs: number;
  readonly resumeGraceMs: number;
  /** Of the holders that this process answers without a socket. */
  readonly returns?: Pick<Returns, 'leftMs'>;
}

export class GatewayNode {
  private id = newNodeId();
  private epoch = '';
  /** Nodes that lived at the last beat, or have joined since. */
  private living = new Set<string>();
  /** Nodes that told that they joined since the last beat was sent: its answer may be from before. */
  private readonly announced = new Set<string>();
  /** Ids under which this process held sessions before the present epoch. */
  private idsBefore: readonly string[] = [];
  /** Ids before this one, until all their sessions were opened again. */
  private readonly formerIds = new Set<string>();
  /** The lease of the present id was taken. */
  private isMember = false;
  private isAway = false;
  private suspected = false;
  private isStopped = false;
  private readonly numbers = new ConnectionNumbers((number) => this.players.has(number));
  private readonly storeClock = new StoreClock();
  private readonly loop = new LoopWatch();
  /** Players whose sockets hold a session, or are about to, by the number of the connection. */
  private readonly players = new Map<number, HeldPlayer>();
  private readonly renewals: Renewals;
  private readonly reopening = new Reopening({
    mayRun: () => this.isMember && !this.isAway && !this.isStopped,
    done: () => this.quitFormer(),
  });
  private readonly restoring: Restoring;
  /**
   * The start: others are told of this node, and the first sweep, at most a node lease long, as while no process ran
   * nobody ended anything; with a store that has just started also the time in which others come back.
   */
  private settling: Promise<void> | undefined;
  /** Users whose sessions are to be renewed at once. */
  private readonly toRenew: UserBursts;
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
      confirm: (returnsInMs) => this.sayRestored([...this.idsBefore, this.id], returnsInMs),
    });
    this.renewals = new Renewals({ store, sessionLeaseMs });
    this.toRenew = new UserBursts(RENEW_USERS_MAX, (users) => this.renewNow(users));
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
    return this.settling !== undefined || this.restoring.isOn;
  }

  /** Admissions and snapshots wait for that. */
  get isAwaited(): boolean {
    return this.settling !== undefined || this.restoring.isAwaited;
  }

  /** Resolves when they are awaited no more: at once in quiet times. */
  async restored(): Promise<void> {
    // A start that failed is tried again, by who started it.
    await this.settling?.catch(() => {});
    await this.restoring.over();
  }

  /** The store forgot, and may lack sessions without a socket, which their holders have yet to open again (P10). */
  get isReturning(): boolean {
    return this.restoring.isReturning;
  }

  /** Whether the store forgot is not known: a connection to it was lost since the last beat. */
  get isSuspect(): boolean {
    return this.suspected;
  }

  /** What the store answers this process may not be what is (P10). */
  get isUnsure(): boolean {
    return this.isRestoring || this.isReturning || this.isSuspect || !this.hasLease;
  }

  suspect(): void {
    this.suspected = true;
  }

  /** What the store answers is of an epoch that the next beat tells of: until then nobody relies on it. */
  private hasForgotten(): void {
    this.suspect();
    void this.check();
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

  /** For a hello that is handled now: the number of its connection, and when it came, by `performance.now()` (P7). */
  nextConnection(): ConnectionOfHello {
    const heldUpMs = this.loop.heldUpMs();
    const connection = this.numbers.next(this.storeClock.now() - heldUpMs);
    return { connection, receivedAt: performance.now() - heldUpMs };
  }

  /** The store's clock, in ms. */
  storeNow(): number {
    return this.storeClock.now();
  }

  owner(connection: number): SocketOwner {
    return { nodeId: this.id, connection };
  }

  /** Takes the lease, then beats and sweeps until `stop`; resolves after the first sweep. The store must have started. */
  async start(): Promise<void> {
    // Nobody is let in before others know of this node.
    this.settling = this.begin().finally(() => {
      this.settling = undefined;
    });
    await this.settling;
  }

  private async begin(): Promise<void> {
    const { nodes, epoch, isNew = false } = await this.join();
    this.epoch = epoch;
    this.living = new Set(nodes);
    if (this.isStopped) return;
    await this.announce(epoch);
    // The store may have forgotten a moment ago.
    const { returnsInMs } = await this.sayRestored([], 0).catch(() => NOTHING_SAID);
    this.restoring.returnIn(returnsInMs);
    this.renewals.start();
    this.loop.start();
    const { store, beatMs, sweepMs } = this.options;
    this.repeats.push(repeating({ everyMs: beatMs }, () => this.beats.ask('beat')));
    const settled = this.settle(isNew);
    this.repeats.push(repeating({ everyMs: sweepMs }, () => store.nodes.sweep()));
    await settled;
  }

  private async settle(isNew: boolean): Promise<void> {
    const { store, leaseMs } = this.options;
    await Promise.race([store.nodes.sweep().catch(() => {}), pause(leaseMs)]);
    if (!isNew) return;
    // Nodes that lived before the store was emptied have connected again by then, and are waited for as by each other.
    await pause(OTHERS_JOIN_MS);
    await this.beats.ask('beat').catch(() => {});
    // It has nothing to open again, and others that start now wait for it too.
    await this.sayRestored([this.id], 0).catch(() => {});
    this.restoring.begin(this.others());
  }

  private async sayRestored(nodeIds: readonly string[], returnsInMs: number): Promise<RestoredBy> {
    if (this.isStopped) return NOTHING_SAID;
    const { nodes } = this.options.store;
    const until = returnsInMs > 0 ? this.storeNow() + returnsInMs : 0;
    const all = await nodes.confirmRestored(nodeIds, this.epoch, until);
    return { nodeIds: all.nodeIds, returnsInMs: Math.max(0, all.returnsUntil - this.storeNow()) };
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

  /** Asks all nodes that live, this one included, to renew the sessions of these users at once. */
  async askRenewals(users: Users): Promise<void> {
    const renew = users === 'all' ? users : [...users];
    await this.options.store.inbox.send([...new Set([...this.living, this.id])], { renew });
  }

  /** Gives the lease up after all sessions were released. */
  async stop(): Promise<void> {
    this.isStopped = true;
    this.reopening.stop();
    this.toRenew.stop();
    // What runs is left to end: the store may be away.
    for (const repeat of this.repeats) void repeat.stop();
    this.renewals.stop();
    this.loop.stop();
    await this.detaches.settled();
    // What is still kept would end at once as `node_lost`, without its grace.
    await this.detaches.retry();
    if (this.isMember && !this.isAway) await this.options.store.nodes.quit(this.id).catch(() => {});
  }

  /** Takes a lease under the present id. Repeated after an unknown outcome, it is the same lease. */
  private async join(): Promise<BeatResult> {
    const { store, leaseMs } = this.options;
    const result = await this.timed(store.nodes.join(this.id, leaseMs));
    // Nobody else would give this lease up.
    if (this.isStopped) await store.nodes.quit(this.id);
    if (result.outcome === 'fenced') return result;
    this.isMember = true;
    store.inbox.listen(this.id, (message) => this.deliver(message));
    this.reopening.go();
    return result;
  }

  /**
   * Tells the others of this node, as before their next beat they would not wait for it if the store forgot (P10).
   * @param epoch in which it joined.
   */
  private async announce(epoch: string): Promise<void> {
    const others = this.others();
    // What is lost here they know by that beat.
    if (others.length > 0) await this.options.store.inbox.send(others, { joined: this.id, epoch }).catch(() => {});
  }

  private others(): string[] {
    return [...this.living].filter((id) => !this.isOwn(id));
  }

  private async beat(): Promise<void> {
    const { store, leaseMs, log } = this.options;
    let result: BeatResult;
    const wasAway = this.isAway;
    const { isMember } = this;
    this.announced.clear();
    let isForgottenSince = false;
    try {
      result = isMember ? await this.timed(store.nodes.beat(this.id, leaseMs)) : await this.join();
      // A lease that ran until now covers what is not opened again yet. Then it is given up, again if that had no answer.
      if (this.reopening.isIdle) this.quitFormer();
      else {
        for (const former of this.formerIds) {
          isForgottenSince ||= (await store.nodes.beat(former, leaseMs)).epoch !== result.epoch;
        }
      }
    } catch (error) {
      this.isAway = true;
      throw error;
    }
    if (this.isStopped) return;
    this.isAway = false;
    this.suspected = false;
    if (isForgottenSince) this.hasForgotten();
    const forgot = result.epoch !== this.epoch;
    if (forgot) {
      log.warn(
        { former: this.epoch, epoch: result.epoch },
        'the store lost data or failed over (new epoch): restoring sessions',
      );
      this.epoch = result.epoch;
      this.idsBefore = [this.id, ...this.formerIds];
      this.restoring.begin(this.living, result.hasLost ? (this.options.returns?.leftMs() ?? 0) : undefined);
    }
    this.living = new Set([...result.nodes, ...this.announced]);
    if (forgot || result.outcome === 'fenced') await this.goOnAsNew(forgot ? 'restore' : 'resume');
    else if (!isMember) await this.announce(result.epoch);
    this.reopening.go();
    if (wasAway) this.toRenew.add('all');
    void this.detaches.retry();
  }

  /** Each answer also tells the store's clock. */
  private async timed(asked: Promise<BeatResult>): Promise<BeatResult> {
    const askedAt = performance.now();
    const result = await asked;
    this.storeClock.heard(result.now, askedAt);
    return result;
  }

  /** Finds out who lost its session, and was not notified. */
  private async renewNow(users: Users): Promise<void> {
    if (users === 'all') {
      // What fails is left to its next renewal: to begin again and again would be too much for the store.
      await this.renewals.renewAll(this.players.values(), this.options.resumeGraceMs / 2);
      return;
    }
    const players = [...this.players.values()].filter(({ session }) => session && users.has(session.userId));
    const isAnswered = await this.renewals.renewAll(players, RENEW_PAUSE_MS);
    if (!isAnswered) throw new StoreError('store_unavailable', 'Some sessions could not be renewed');
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
    const { nodes, epoch } = await this.join();
    // Of a loss since the beat the next one tells: then who lived at this one is waited for.
    if (epoch === this.epoch) this.living = new Set([...nodes, ...this.announced]);
    else this.hasForgotten();
    await this.announce(epoch);
    this.quitFormer();
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

  private deliver(message: NodeMessage): void {
    if ('renew' in message) {
      this.toRenew.add(message.renew);
      return;
    }
    if ('joined' in message) {
      // In an epoch that is not known here yet it lost nothing, and never says that it is done.
      if (message.epoch !== this.epoch) return;
      this.announced.add(message.joined);
      this.living.add(message.joined);
      return;
    }
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
