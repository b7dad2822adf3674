/**
 * What nodes tell each other by their inboxes: whose sessions an act displaced, whose are to be renewed at once, and who
 * has joined. What is lost on the way shows at the next renewal or beat.
 */
import {
  type Displaced,
  type InboxMessage,
  type NodeMessage,
  type PresenceStore,
  StoreError,
} from '../../presence-core/index.ts';
import type { HeldPlayer } from './held-player.ts';
import type { Renewals } from './renewals.ts';
import { UserBursts, type Users } from './user-bursts.ts';

/** Of more users at once all sessions are renewed. */
const RENEW_USERS_MAX = 20_000;
/** Requests of so long are one pass over the players. */
const RENEW_PAUSE_MS = 100;

/** The process, as its messages need it. */
export interface ToldNode {
  readonly nodeId: string;
  readonly epoch: string;
  /** Whether a node id is or was this process'. */
  isOwn(nodeId: string): boolean;
}

export interface NoticesOptions {
  readonly node: ToldNode;
  readonly store: PresenceStore;
  /** By the number of the connection. */
  readonly players: ReadonlyMap<number, HeldPlayer>;
  readonly renewals: Renewals;
  /** After an outage renewals are spread over this time. */
  readonly renewAllMs: number;
}

export class Notices {
  /** Nodes that lived at the last beat, or have joined since. */
  private nodes = new Set<string>();
  /** Nodes that told that they joined since the last beat was sent: its answer may be from before. */
  private readonly joined = new Set<string>();
  /** Users whose sessions are to be renewed at once. */
  private readonly toRenew: UserBursts;
  private readonly options: NoticesOptions;

  constructor(options: NoticesOptions) {
    this.options = options;
    this.toRenew = new UserBursts(RENEW_USERS_MAX, (users) => this.renewNow(users));
  }

  /** Nodes that live, as far as is known. */
  get living(): ReadonlySet<string> {
    return this.nodes;
  }

  /** Those that are not this process. */
  others(): string[] {
    return [...this.nodes].filter((id) => !this.options.node.isOwn(id));
  }

  /** A beat is sent. */
  beats(): void {
    this.joined.clear();
  }

  /** A join or beat was answered: these nodes live. */
  heard(nodeIds: readonly string[]): void {
    this.nodes = new Set([...nodeIds, ...this.joined]);
  }

  /** Notifies the sockets whose sessions another open ended or took over: own ones at once, others by their inbox. */
  notify(displaced: readonly Displaced[], by?: InboxMessage['by']): void {
    const elsewhere = displaced.filter(({ owner, session, reason }) => {
      if (typeof owner !== 'object') return false;
      if (!this.options.node.isOwn(owner.nodeId)) return true;
      this.deliver({ ...session, connection: owner.connection, reason, ...(by && { by }) });
      return false;
    });
    // What is lost here shows at the owner's next renewal.
    this.options.store.inbox.notify(elsewhere, by).catch(() => {});
  }

  /** Asks all nodes that live, this one included, to renew the sessions of these users at once. */
  async askRenewals(users: Users): Promise<void> {
    const renew = users === 'all' || users.size > RENEW_USERS_MAX ? 'all' : [...users];
    const { store, node } = this.options;
    await store.inbox.send([...new Set([...this.nodes, node.nodeId])], { renew });
  }

  /**
   * Tells the others that this node joined, as before their next beat they would not wait for it if the store forgot (P10).
   * @param epoch in which it joined.
   */
  async announce(epoch: string): Promise<void> {
    const others = this.others();
    const { store, node } = this.options;
    // What is lost here they know by that beat.
    if (others.length > 0) await store.inbox.send(others, { joined: node.nodeId, epoch }).catch(() => {});
  }

  deliver(message: NodeMessage): void {
    if ('renew' in message) {
      this.toRenew.add(message.renew);
      return;
    }
    const { node, players } = this.options;
    if ('joined' in message) {
      // In an epoch that is not known here yet it lost nothing, and never says that it is done.
      if (message.epoch !== node.epoch) return;
      this.joined.add(message.joined);
      this.nodes.add(message.joined);
      return;
    }
    const player = players.get(message.connection);
    const session = player?.session;
    if (session?.userId !== message.userId || session.sessionId !== message.sessionId) return;
    player?.displaced(message.reason, message.by);
  }

  /** Renews all sessions of this process, to find out who lost its own and was not notified. */
  renewAll(): void {
    this.toRenew.add('all');
  }

  stop(): void {
    this.toRenew.stop();
  }

  private async renewNow(users: Users): Promise<void> {
    const { players, renewals, renewAllMs } = this.options;
    if (users === 'all') {
      // What fails is left to its next renewal: to begin again and again would be too much for the store.
      await renewals.renewAll(players.values(), renewAllMs);
      return;
    }
    const theirs = [...players.values()].filter(({ session }) => session && users.has(session.userId));
    const isAnswered = await renewals.renewAll(theirs, RENEW_PAUSE_MS);
    if (!isAnswered) throw new StoreError('store_unavailable', 'Some sessions could not be renewed');
  }
}
