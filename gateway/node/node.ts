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
import { LoopWatch } from './loop-watch.ts';
import { Notices } from './notices.ts';
import { Renewals } from './renewals.ts';
import { Reopening } from './reopening.ts';
import { NOTHING_SAID, type RestoredBy, Restoring } from './restoring.ts';
import { RETURN_SLACK_MS, Returns } from './returns.ts';
import { StoreClock } from './store-clock.ts';
import type { Users } from './user-bursts.ts';

export type { HeldPlayer } from './held-player.ts';

/** A client has connected again by then, on a server that is back. */
const OTHERS_CONNECT_MS = 2 * RECONNECT_MAX_MS;
/** A start takes no longer, however rarely nodes beat. */
const OTHERS_BEAT_MAX_MS = 5_000;
/** A node that found the store empty has joined by then. */
const OTHERS_JOIN_MS = 200;

export interface NodeLog {
  warn(fields: object, message: string): void;
}

/** A session that its player gave up. */
export interface DetachedSession {
  readonly userId: string;
  readonly sessionId: string;
  /** Under which it was opened. */
  readonly owner: SocketOwner | 'guard';
  /** Its open had no answer. */
  readonly isUncertain: boolean;
  /** Its player was not let in: nobody comes back to it. */
  readonly isUntold?: boolean;
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
  /** Longest time after which a heartbeat or a refresh is due again; default `resumeGraceMs`. */
  readonly returnMaxMs?: number;
  /** See `LoopWatch`. */
  readonly loopTurned?: (lateMs: number) => void;
}

export class GatewayNode {
  /** Of those who hold sessions without a socket. */
  readonly returns: Returns;
  private id = newNodeId();
  private knownEpoch = '';
  /** Its own part of `BeatResult.returnsUntil`, as told so far. */
  private toldUntil = 0;
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
  private readonly loop: LoopWatch;
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
  private readonly notices: Notices;
  private readonly detaches: Detaches;
  /** One at a time, whoever asks for it; nobody is answered by one from before. */
  private readonly beats = new SharedRead((_: 'beat') => this.beat());
  private readonly repeats: Repeating[] = [];
  private readonly options: NodeOptions;

  constructor(options: NodeOptions) {
    const { store, beatMs, leaseMs, sessionLeaseMs, resumeGraceMs } = options;
    this.options = options;
    this.loop = new LoopWatch(options.loopTurned);
    // Each adds what it may answer before its next beats.
    this.returns = new Returns(Math.max(options.returnMaxMs ?? 0, resumeGraceMs) + RETURN_SLACK_MS + 2 * beatMs);
    // Another node notices at its next beat, and may have failed at one, or be yet to connect again.
    this.restoring = new Restoring({
      othersMs: beatMs + Math.max(beatMs, RECONNECT_MAX_MS),
      maxMs: leaseMs,
      isIdle: () => this.reopening.hasRestored,
      confirm: (returnsInMs) => this.sayRestored([...this.idsBefore, this.id], returnsInMs),
    });
    this.renewals = new Renewals({ store, sessionLeaseMs });
    const { players, renewals } = this;
    this.notices = new Notices({ node: this, store, players, renewals, renewAllMs: resumeGraceMs / 2 });
    this.detaches = new Detaches(store, resumeGraceMs);
  }

  /** Changes when the lease lapsed: the process goes on as a new node (P9). */
  get nodeId(): string {
    return this.id;
  }

  /** Of the store, by the last beat. */
  get epoch(): string {
    return this.knownEpoch;
  }

  /** Nodes whose leases ran at the last beat, and those that joined since; this one included. */
  get livingNodes(): readonly string[] {
    return [...new Set([this.id, ...this.notices.living])];
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

  /** The store has not told its clock yet: what is dated now is so by the clock of this process, which may be wrong. */
  get isWithoutClock(): boolean {
    return this.storeClock.isUnknown;
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
    const { nodes, epoch, fresh } = await this.join();
    this.knownEpoch = epoch;
    this.notices.heard(nodes);
    if (this.isStopped) return;
    await this.notices.announce(epoch);
    // The store may have forgotten a moment ago.
    const { returnsInMs } = await this.sayRestored([], 0).catch(() => NOTHING_SAID);
    this.restoring.returnIn(returnsInMs);
    this.renewals.start();
    this.loop.start();
    const { beatMs, sweepMs } = this.options;
    this.repeats.push(repeating({ everyMs: beatMs }, () => this.beats.ask('beat')));
    const settled = this.settle(fresh);
    this.repeats.push(repeating({ everyMs: sweepMs }, () => this.sweep()));
    await settled;
  }

  /** What a recount ended was damaged: whoever holds it opens it again. */
  private async sweep(): Promise<void> {
    const { mendedUserIds } = await this.options.store.nodes.sweep();
    // Where a message is lost, the next renewal finds out.
    if (mendedUserIds.length > 0) await this.askRenewals(new Set(mendedUserIds)).catch(() => {});
  }

  private async settle(fresh: BeatResult['fresh']): Promise<void> {
    const { beatMs, leaseMs } = this.options;
    await Promise.race([this.sweep().catch(() => {}), pause(leaseMs)]);
    if (!fresh) return;
    // Nodes that lived before the store was emptied have joined again by then, and are waited for as by each other.
    const othersBeatMs = Math.min(beatMs, OTHERS_BEAT_MAX_MS);
    await pause(OTHERS_JOIN_MS + (fresh === 'started' ? Math.max(othersBeatMs, OTHERS_CONNECT_MS) : othersBeatMs));
    await this.beats.ask('beat').catch(() => {});
    // It has nothing to open again, and others that start now wait for it too.
    await this.sayRestored([this.id], 0).catch(() => {});
    this.restoring.begin(this.notices.others());
  }

  private async sayRestored(nodeIds: readonly string[], returnsInMs: number): Promise<RestoredBy> {
    if (this.isStopped) return NOTHING_SAID;
    const { nodes } = this.options.store;
    const until = returnsInMs > 0 ? this.storeNow() + returnsInMs : 0;
    const all = await nodes.confirmRestored(nodeIds, this.epoch, until);
    return { nodeIds: all.nodeIds, returnsInMs: this.returns.bound(all.returnsUntil - this.storeNow()) };
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
  detach({ userId, sessionId, owner, isUncertain, isUntold = false }: DetachedSession): void {
    if (!isUntold) this.returns.answered(this.options.resumeGraceMs);
    this.detaches.detach({ userId, sessionId, owner }, isUncertain, isUntold);
  }

  /** Notifies the sockets whose sessions another open ended or took over: own ones at once, others by their inbox. */
  notify(displaced: readonly Displaced[], by?: InboxMessage['by']): void {
    this.notices.notify(displaced, by);
  }

  /** Asks all nodes that live, this one included, to renew the sessions of these users at once. */
  askRenewals(users: Users): Promise<void> {
    return this.notices.askRenewals(users);
  }

  /** Gives the lease up after all sessions were released. */
  async stop(): Promise<void> {
    this.isStopped = true;
    this.reopening.stop();
    this.notices.stop();
    // What runs is left to end: the store may be away.
    for (const repeat of this.repeats) void repeat.stop();
    this.renewals.stop();
    this.loop.stop();
    await this.detaches.settled();
    // What is still kept would end at once as `node_lost`, without its grace.
    await this.detaches.retry();
    if (!this.isMember || this.isAway) return;
    const { store, leaseMs } = this.options;
    // Nobody tells later who was left to the grace just now.
    await store.nodes.beat(this.id, leaseMs, this.returnsUntil()).catch(() => {});
    await store.nodes.quit(this.id).catch(() => {});
  }

  /** Takes a lease under the present id. Repeated after an unknown outcome, it is the same lease. */
  private async join(): Promise<BeatResult> {
    const { store, leaseMs } = this.options;
    const result = await this.timed(store.nodes.join(this.id, leaseMs, this.returnsUntil()));
    // Nobody else would give this lease up.
    if (this.isStopped) await store.nodes.quit(this.id);
    if (result.outcome === 'fenced') return result;
    this.isMember = true;
    store.inbox.listen(this.id, (message) => this.notices.deliver(message));
    this.reopening.go();
    return result;
  }

  private async beat(): Promise<void> {
    const { store, leaseMs, log } = this.options;
    let result: BeatResult;
    const wasAway = this.isAway;
    const { isMember } = this;
    this.notices.beats();
    let isForgottenSince = false;
    try {
      const beaten = (): Promise<BeatResult> => store.nodes.beat(this.id, leaseMs, this.returnsUntil());
      result = isMember ? await this.timed(beaten()) : await this.join();
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
      this.knownEpoch = result.epoch;
      this.idsBefore = [this.id, ...this.formerIds];
      this.restoring.begin(this.notices.living, result.hasLost ? this.returns.leftMs() : undefined);
    }
    this.notices.heard(result.nodes);
    if (forgot || result.outcome === 'fenced') await this.goOnAsNew(forgot ? 'restore' : 'resume');
    else if (!isMember) await this.notices.announce(result.epoch);
    this.reopening.go();
    if (wasAway) this.notices.renewAll();
    void this.detaches.retry();
  }

  /** Each answer also tells the store's clock, and what others told. */
  private async timed(asked: Promise<BeatResult>): Promise<BeatResult> {
    const askedAt = performance.now();
    const result = await asked;
    const tooEarlyMs = Math.round(this.storeClock.heard(result.now, askedAt));
    if (tooEarlyMs !== 0) for (const player of this.players.values()) player.redated(tooEarlyMs);
    // What it told itself it knows better.
    if (result.returnsUntil !== this.toldUntil) this.returns.told(result.returnsUntil - result.now);
    return result;
  }

  /** What this process tells with a beat, also for what it answers before the next one, and others then hear of. */
  private returnsUntil(): number {
    const leftMs = this.returns.ownLeftMs();
    if (leftMs === 0) return 0;
    // The store keeps the greatest: what a clock that is known better makes a little less is not what others told.
    this.toldUntil = Math.max(this.toldUntil, Math.ceil(this.storeNow() + leftMs + 2 * this.options.beatMs));
    return this.toldUntil;
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
    if (epoch === this.epoch) this.notices.heard(nodes);
    else this.hasForgotten();
    await this.notices.announce(epoch);
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
}

/** Short, because it stands in the row of each session the node holds. 36^9 generations. */
function newNodeId(): string {
  return BigInt(`0x${randomBytes(8).toString('hex')}`)
    .toString(36)
    .slice(0, 9);
}
