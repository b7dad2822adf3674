/** Several nodes over one store, their players' sockets, and what must be true of them when all is quiet again. */
import type { Authenticator } from '../../../gateway/auth/authenticator.ts';
import { type Identity, SCOPES } from '../../../gateway/auth/identity.ts';
import { TokenExpiry } from '../../../gateway/auth/token-expiry.ts';
import { Doubts } from '../../../gateway/node/doubts.ts';
import { GatewayNode } from '../../../gateway/node/node.ts';
import { CLOSE_CODES, type CloseName } from '../../../gateway/protocol/close-codes.ts';
import { Connection, type ConnectionContext } from '../../../gateway/sessions/connection.ts';
import type { Player } from '../../../gateway/sessions/player.ts';
import { Turns } from '../../../gateway/sessions/turns.ts';
import { type Change, type PresenceStore, retrying } from '../../../presence-core/index.ts';
import type { VirtualTime } from '../../support/virtual-time.ts';
import { FaultyStore, Link, type LinkState } from './faulty-store.ts';

export const USERS = ['u', 'v'];
const NODES = 3;
const TIMES = { beatMs: 3_000, leaseMs: 10_000, sweepMs: 1_000, sessionLeaseMs: 240_000, resumeGraceMs: 10_000 };
/**
 * After the last fault: a late act (2.5 s), a beat (3 s), an extension (30 s), a run of re-opening, a grace (10 s) and a
 * sweep; less than a third of a session lease (renewals) more than once, and far less than a session lease.
 */
const QUIET_MS = 90_000;

/** Of hellos that come so shortly after each other the one that was asked for last may have the session (P7). */
const RACE_MS = 500;

export interface Hello {
  readonly userId: string;
  readonly sessionId: string;
  readonly node: number;
  readonly onLimit: 'reject' | 'evict-oldest';
  readonly policy: 'open' | 'closed';
  /** `resume`: with the newest resume token of that session. `return`: with nothing else. */
  readonly by: 'token' | 'resume' | 'return';
}

/** One socket, as its client and the test see it. */
interface Client {
  readonly number: number;
  readonly hello: Hello;
  readonly connection: Connection;
  /** Types of what it was sent, and `closed <name>` in the end. */
  readonly told: string[];
  readonly saidHelloAt: number;
  /** Its own client closed it. */
  isCut: boolean;
}

interface WorldNode {
  readonly link: Link;
  readonly store: PresenceStore;
  readonly doubts: Doubts;
  readonly node: GatewayNode;
}

export class World {
  readonly server: FaultyStore;
  readonly clients: Client[] = [];
  private readonly time: VirtualTime;
  private readonly random: () => number;
  private readonly nodes: WorldNode[] = [];
  /** Also those of processes that have ended: what was on its way may still run. */
  private readonly links: Link[] = [];
  private readonly tokens = new Map<string, string>();
  /** What happened that explains how a socket ended. */
  private readonly kicked = new Set<string>();
  private readonly left = new Set<string>();
  private isHarsh = false;
  private readonly limit: number;

  constructor(time: VirtualTime, random: () => number, limit: number) {
    this.time = time;
    this.random = random;
    this.limit = limit;
    this.server = new FaultyStore({ time, random, defaultLimit: limit });
  }

  async begin(): Promise<void> {
    for (let i = 0; i < NODES; i += 1) this.startNode(i);
    await this.time.pass(100);
  }

  connect(hello: Hello): void {
    const { store, node } = this.nodes[hello.node] as WorldNode;
    const { userId, sessionId, onLimit, policy, by } = hello;
    const resume = by === 'token' ? undefined : this.tokens.get(`${userId} ${sessionId}`);
    if (by === 'return' && resume === undefined) return;
    const told: string[] = [];
    const number = this.clients.length + 1;
    const connection = new Connection(
      {
        id: number,
        remoteAddress: '127.0.0.1',
        bufferedBytes: 0,
        send: (text) => {
          if (hasEnded(client)) return false;
          const message = JSON.parse(text);
          told.push([message.type, message.reason, message.problem?.code].filter(Boolean).join(' '));
          if (message.resumeToken) this.tokens.set(`${userId} ${sessionId}`, message.resumeToken);
          return true;
        },
        ping: () => {},
        close: (code) => {
          const name = Object.keys(CLOSE_CODES).find((each) => CLOSE_CODES[each as CloseName].code === code);
          told.push(`closed ${name}`);
          setTimeout(() => connection.onClosed(), this.random() * 10);
        },
        terminate: () => {},
      },
      this.context(store, node, policy),
    );
    const { now } = this.time;
    const client: Client = {
      number,
      hello,
      connection,
      told,
      saidHelloAt: now,
      isCut: false,
    };
    this.clients.push(client);
    const token = JSON.stringify({ userId, onLimit });
    connection.receive(
      JSON.stringify({
        type: 'hello',
        ...(by !== 'return' && { token, sessionId, streamId: 'x' }),
        ...(resume !== undefined && { resume }),
      }),
    );
  }

  cut(client: Client): void {
    client.isCut = true;
    client.connection.onClosed();
  }

  leave(client: Client): void {
    this.left.add(`${client.hello.userId} ${client.hello.sessionId}`);
    client.connection.receive(JSON.stringify({ type: 'leave' }));
  }

  update(client: Client, streamId: string): void {
    client.connection.receive(JSON.stringify({ type: 'update', streamId }));
  }

  kick(userId: string, node: number): void {
    this.kicked.add(userId);
    const { store } = this.nodes[node] as WorldNode;
    store.sessions.kick(userId).then(
      (displaced) => store.inbox.notify(displaced).catch(() => {}),
      () => {},
    );
  }

  setLink(node: number | 'all', state: LinkState, ms: number): void {
    this.isHarsh = true;
    const links = this.nodes.filter((_, i) => node === 'all' || node === i).map(({ link }) => link);
    for (const link of links) {
      link.set(state);
      setTimeout(() => link.set('up'), ms);
    }
  }

  fence(node: number): void {
    this.nodes[node]?.link.fence();
  }

  forget(): void {
    this.isHarsh = true;
    this.server.forget();
  }

  async rollBack(ms: number): Promise<void> {
    this.isHarsh = true;
    await this.server.rollBack(ms);
  }

  /** A process ends, by itself or without a word, and another takes its place. */
  restart(i: number, isClean: boolean): void {
    this.isHarsh = true;
    const { link, node, doubts } = this.nodes[i] as WorldNode;
    if (!isClean) link.end();
    doubts.stop();
    for (const client of this.openClients()) if (client.hello.node === i) this.cut(client);
    void node.stop();
    this.startNode(i);
  }

  openClients(): Client[] {
    return this.clients.filter((client) => !hasEnded(client));
  }

  /** Faults cease, and time passes. @returns what is wrong then. */
  async settle(): Promise<string[]> {
    for (const link of this.links) link.set('up');
    await this.time.pass(QUIET_MS);
    const wrong = [...this.server.broken];
    await this.checkHolders(wrong);
    await this.checkStore(wrong);
    for (const client of this.clients) this.checkTold(client, wrong);
    await this.checkLog(wrong);
    return wrong;
  }

  /** Whoever was welcomed, and told nothing since, holds its session. */
  private async checkHolders(wrong: string[]): Promise<void> {
    for (const { number, hello, connection, told } of this.openClients()) {
      const { userId, sessionId } = hello;
      const { owner } = (connection as unknown as { player: Player }).player;
      if (!told[0]?.startsWith('welcome')) wrong.push(`socket ${number} was never answered`);
      if (!owner) {
        wrong.push(`socket ${number} (${userId}/${sessionId}) does not know of its session`);
        continue;
      }
      const [result] = await this.server.inner.sessions.renew([{ userId, sessionId, owner, leaseMs: 1 }]);
      if (result?.outcome !== 'renewed') {
        wrong.push(`socket ${number} does not hold ${userId}/${sessionId}: ${JSON.stringify(result)}`);
      }
    }
  }

  /** Nobody is live without a socket, nor above the limit. */
  private async checkStore(wrong: string[]): Promise<void> {
    const open = this.openClients();
    for (const { userId, sessions } of await this.server.inner.reads.sessions(USERS)) {
      for (const { sessionId, expiresAt } of sessions) {
        const isHeld = open.some(({ hello }) => hello.userId === userId && hello.sessionId === sessionId);
        if (!isHeld) wrong.push(`${userId}/${sessionId} is live for ${expiresAt - this.time.now} ms without a socket`);
      }
      if (sessions.length > this.limit && !this.server.restored.has(userId)) {
        wrong.push(`${userId} has ${sessions.length} sessions`);
      }
    }
  }

  /** A socket is closed once, told why once, and for a reason that there was. */
  private checkTold(client: Client, wrong: string[]): void {
    const { number, hello, told } = client;
    const closes = told.flatMap((each, i) => (each.startsWith('closed') ? [i] : []));
    const evictions = told.filter((each) => each.startsWith('evicted'));
    if (closes.length > 1 || evictions.length > 1 || (closes[0] ?? told.length - 1) < told.length - 1) {
      wrong.push(`socket ${number} was told: ${told.join(', ')}`);
    }
    const close = told.at(-1);
    if (!close?.startsWith('closed') || this.isExplained(client, close)) return;
    wrong.push(`socket ${number} (${hello.userId}/${hello.sessionId}) was ended without a reason: ${told.join(', ')}`);
  }

  private isExplained({ hello, number, told, saidHelloAt }: Client, close: string): boolean {
    const { userId, sessionId } = hello;
    const ofUser = this.clients.filter((client) => client.number !== number && client.hello.userId === userId);
    const ofSession = ofUser.filter((client) => client.hello.sessionId === sessionId);
    const key = `${userId} ${sessionId}`;
    const others = ofUser.filter((client) => client.hello.sessionId !== sessionId);
    switch (close) {
      case 'closed kicked':
        return this.kicked.has(userId);
      case 'closed replaced':
        return ofSession.some((client) => client.saidHelloAt >= saidHelloAt - RACE_MS);
      case 'closed evicted':
        return others.some(({ hello }) => hello.onLimit === 'evict-oldest');
      case 'closed concurrency_limit':
        return others.length >= this.limit;
      case 'closed normal':
        return this.left.has(key);
      case 'closed overloaded':
        return this.isHarsh && !told[0]?.startsWith('welcome') && !told.includes('error internal');
      case 'closed unauthenticated':
        return !told[0]?.startsWith('welcome');
      default:
        return false;
    }
  }

  /** Each session's opens and closes alternate, and so do a user's transitions. */
  private async checkLog(wrong: string[]): Promise<void> {
    const { log } = this.server.inner;
    const { changes } = await log.read(await log.head(), 1_000_000, 0);
    const open = new Map<string, Change>();
    const online = new Set<string>();
    for (const change of changes) {
      const { kind, userId, sessionId, transition, reason } = change;
      const key = `${userId}/${sessionId}`;
      if ((kind === 'open') === open.has(key)) wrong.push(`the log has ${kind} of ${key} out of turn`);
      if (kind === 'close') open.delete(key);
      else open.set(key, change);
      if (transition === 'online' && online.has(userId)) wrong.push(`${userId} comes online twice`);
      if (transition === 'offline' && !online.has(userId)) wrong.push(`${userId} goes offline twice`);
      if (transition === 'online') online.add(userId);
      if (transition === 'offline') online.delete(userId);
      if (reason === 'node_lost' && !this.isHarsh) wrong.push(`${key} was lost with a node that lived`);
    }
    for (const { userId, online: isOnline } of await this.server.inner.reads.status(USERS)) {
      if (isOnline !== online.has(userId)) wrong.push(`the log has ${userId} ${isOnline ? 'off' : 'on'}line`);
    }
  }

  private startNode(i: number): void {
    const link = new Link(this.server);
    this.links.push(link);
    const log = { warn: () => {} };
    const doubts = new Doubts(() => node);
    const { sessions, inbox } = link.store;
    const store = { ...link.store, sessions: doubts.ofSessions(sessions), inbox: doubts.ofInbox(inbox) };
    const node = new GatewayNode({ store, log, ...TIMES });
    this.nodes[i] = { link, store, node, doubts };
    void retrying({ firstMs: 50, maxMs: 2_000, wanted: () => !link.isOver }, () => node.start());
  }

  private context(store: PresenceStore, node: GatewayNode, outagePolicy: 'open' | 'closed'): ConnectionContext {
    const fault = (fields: object, message: string): void => {
      this.server.broken.push(`${message}: ${(fields as { err?: Error }).err?.stack}`);
    };
    return {
      store,
      node,
      log: { debug: () => {}, warn: () => {}, error: fault },
      authenticator: AUTHENTICATOR,
      expiry: new TokenExpiry(),
      turns: new Turns(),
      messageRate: undefined,
      switchRate: undefined,
      hub: undefined as never,
      sessionLeaseMs: TIMES.sessionLeaseMs,
      resumeGraceMs: TIMES.resumeGraceMs,
      pingIntervalMs: 25_000,
      onLimit: 'reject',
      outagePolicy,
      deviceTakeover: 'on',
      silenceTimeoutMs: 0,
    };
  }
}

function hasEnded({ isCut, told }: Client): boolean {
  return isCut || told.at(-1)?.startsWith('closed') === true;
}

/** A token says in JSON what it allows. */
const AUTHENTICATOR: Authenticator = {
  required: true,
  authenticate: async (credentials) => {
    const { userId, onLimit } = JSON.parse((credentials as { token: string }).token);
    const identity: Identity = { userId, onLimit, scopes: SCOPES.player, expiresAt: Date.now() + 86_400_000 };
    return { outcome: 'known', identity };
  },
};
