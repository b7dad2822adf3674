/** The WebSocket side of a node: accepts sockets, keeps them alive or ends them, and drains. */
import type { PresenceStore } from '../../presence-core/index.ts';
import type { Authenticator } from '../auth/authenticator.ts';
import { TokenExpiry } from '../auth/token-expiry.ts';
import { addressKey, type ClientAddress, createClientAddress } from '../limits/client-address.ts';
import { createLocalAccess, type LocalAccess } from '../limits/local-access.ts';
import { type ClientRate, createClientRate, createRate } from '../limits/rate-limit.ts';
import type { LogFeed } from '../node/log-feed.ts';
import type { GatewayNode } from '../node/node.ts';
import { MAX_MESSAGE_BYTES, SUBPROTOCOL, WS_PATH } from '../protocol/messages.ts';
import type { PresenceReads } from '../replica/reads.ts';
import type { SessionCopy } from '../subscriptions/copy-source.ts';
import { Hub } from '../subscriptions/hub.ts';
import type { CreateTransport, Traffic, Transport, TransportSocket, UpgradeRequest } from '../transport/transport.ts';
import { Connection, type ConnectionContext, type Log, type SocketKind } from './connection.ts';
import { HelloDeadlines } from './hello-deadlines.ts';
import { Keepalive } from './keepalive.ts';
import { SocketCounters } from './socket-counters.ts';
import { Turns } from './turns.ts';

export interface GatewayOptions {
  readonly store: PresenceStore;
  readonly feed: LogFeed;
  readonly reads: PresenceReads;
  readonly copy?: () => SessionCopy | undefined;
  readonly node: GatewayNode;
  readonly log: Log;
  readonly authenticator: Authenticator;
  readonly createTransport: CreateTransport;
  /** Other processes listen on the same port. */
  readonly sharesPort?: boolean;
  readonly host: string;
  readonly auth: 'off' | 'jwt';
  readonly allowedOrigins: readonly string[];
  readonly allowedHosts: readonly string[];
  readonly trustedProxies: readonly string[];
  readonly rateMessagesPerSecond: number;
  readonly rateMessagesBurst: number;
  readonly rateSwitchesPerSecond: number;
  readonly rateSwitchesBurst: number;
  readonly maxSockets: number;
  readonly rateConnectsPerSecond: number;
  readonly rateConnectsBurst: number;
  readonly onLimit: 'reject' | 'evict-oldest';
  readonly outagePolicy: 'open' | 'closed';
  readonly deviceTakeover: 'on' | 'off';
  readonly pingIntervalMs: number;
  readonly pongTimeoutMs: number;
  /** 0: never. */
  readonly silenceTimeoutMs: number;
  readonly helloTimeoutMs: number;
  readonly resumeGraceMs: number;
  readonly sessionLeaseMs: number;
  readonly summaryIntervalMs: number;
  readonly autoIntervalAbove: number;
  readonly topicUsersPerSocket: number;
  readonly topicUsersPerNode: number;
}

/** How often it is told that upgrades are refused, as there are too many sockets. */
const REMIND_MS = 60_000;
const MAX_BUFFERED_BYTES = 262_144;
const CLOSE_TIMEOUT_MS = 4_000;

export class Gateway {
  readonly counters = new SocketCounters();
  readonly hub: Hub;
  private readonly transport: Transport;
  private readonly connections = new Map<number, Connection>();
  private readonly helloDeadlines: HelloDeadlines;
  private readonly keepalive: Keepalive;
  private readonly expiry = new TokenExpiry();
  private readonly clientAddress: ClientAddress;
  private readonly localAccess: LocalAccess;
  private readonly connectRate: ClientRate | undefined;
  private draining = false;
  private emptied: () => void = () => {};
  private fullToldAt = Number.NEGATIVE_INFINITY;
  private fullUntold = 0;
  private readonly context: ConnectionContext;
  private readonly options: GatewayOptions;

  constructor(options: GatewayOptions) {
    this.options = options;
    const { store, log, sessionLeaseMs, resumeGraceMs, pingIntervalMs, onLimit, outagePolicy, deviceTakeover } =
      options;
    this.hub = new Hub(options);
    this.context = {
      store,
      node: options.node,
      log,
      authenticator: options.authenticator,
      expiry: this.expiry,
      turns: new Turns(),
      messageRate: createRate(options.rateMessagesPerSecond, options.rateMessagesBurst),
      switchRate: createRate(options.rateSwitchesPerSecond, options.rateSwitchesBurst),
      hub: this.hub,
      sessionLeaseMs,
      resumeGraceMs,
      pingIntervalMs,
      silenceTimeoutMs: options.silenceTimeoutMs,
      onLimit,
      outagePolicy,
      deviceTakeover,
    };
    this.clientAddress = createClientAddress(options.trustedProxies);
    this.localAccess = createLocalAccess(options);
    this.connectRate = createClientRate(options.rateConnectsPerSecond, options.rateConnectsBurst);
    this.helloDeadlines = new HelloDeadlines(options.helloTimeoutMs);
    this.keepalive = new Keepalive(pingIntervalMs, options.pongTimeoutMs, options.silenceTimeoutMs);
    this.transport = options.createTransport(
      {
        path: WS_PATH,
        subprotocol: SUBPROTOCOL,
        maxMessageBytes: MAX_MESSAGE_BYTES,
        maxBufferedBytes: MAX_BUFFERED_BYTES,
        maxSockets: options.maxSockets,
        closeTimeoutMs: CLOSE_TIMEOUT_MS,
        sharesPort: options.sharesPort ?? false,
      },
      {
        upgrade: (request) => this.upgrade(request),
        refused: (status) => this.refused(status),
        open: (socket) => this.opened(socket),
        message: (socket, text) => this.connections.get(socket.id)?.receive(text),
        ping: (socket) => this.connections.get(socket.id)?.countControlFrame(),
        pong: (socket) => this.ponged(socket),
        close: (socket, code) => this.closed(socket, code),
      },
    );
  }

  get maxSockets(): number {
    return this.options.maxSockets;
  }

  /** Upgrades are refused, as there are too many sockets. */
  get isFull(): boolean {
    return this.transport.sockets >= this.options.maxSockets;
  }

  get transportName(): Transport['name'] {
    return this.transport.name;
  }

  get traffic(): Readonly<Traffic> {
    return this.transport.traffic;
  }

  /** Open sockets by what they are; looks at each. */
  census(): Record<SocketKind, number> {
    const count = { greeting: 0, player: 0, dashboard: 0, closing: 0 };
    for (const connection of this.connections.values()) count[connection.kind] += 1;
    return count;
  }

  /** @returns the bound port. The store may still be away: players are then let in or refused by the outage policy. */
  async listen(host: string, port: number): Promise<number> {
    const bound = await this.transport.listen(host, port);
    this.keepalive.start();
    return bound;
  }

  /**
   * Stops accepting, asks every player to reconnect elsewhere at delays spread over `drainMs`, and resolves when all
   * sockets are gone, or were asked to go. Their sessions are left to the resume grace (P8).
   */
  async drain(drainMs: number): Promise<void> {
    this.draining = true;
    this.transport.stopListening();
    this.helloDeadlines.stop();
    const timers: NodeJS.Timeout[] = [];
    const asked = [...this.connections.values()].map((connection) => {
      const reconnectInMs = Math.floor(Math.random() * drainMs);
      connection.send({ type: 'drain', reconnectInMs });
      return new Promise<void>((resolve) => {
        const end = (): void => {
          connection.end('going_away');
          resolve();
        };
        timers.push(setTimeout(end, reconnectInMs));
      });
    });
    const empty = new Promise<void>((resolve) => {
      this.emptied = resolve;
    });
    // Who was asked may go at once: then there is nothing to wait for.
    await Promise.race([Promise.all(asked), empty]);
    for (const timer of timers) clearTimeout(timer);
    this.keepalive.stop();
    this.expiry.stop();
    await this.transport.close();
  }

  private upgrade(request: UpgradeRequest): 'accept' | number {
    if (this.draining) return 503;
    const address = this.clientAddress(request.remoteAddress, request.forwardedFor);
    if ((this.connectRate?.take(addressKey(address)) ?? 0) > 0) return 429;
    const { allowedOrigins } = this.options;
    const { host, origin } = request;
    if (this.localAccess(host, origin) !== undefined) return 403;
    // Without a list any origin may connect: what it may do is for authentication to say.
    const checked = origin !== undefined && allowedOrigins.length > 0 && !allowedOrigins.includes('*');
    if (checked && !allowedOrigins.includes(origin)) return 403;
    return 'accept';
  }

  private refused(status: number): void {
    this.counters.refuse(status);
    if (this.draining || !this.isFull) return;
    this.fullUntold += 1;
    const now = performance.now();
    if (now - this.fullToldAt < REMIND_MS) return;
    const { maxSockets, log } = this.options;
    const fields = { maxSockets, refused: this.fullUntold };
    log.warn(fields, 'no room for more sockets: raise the limit of open files, or MAX_SOCKETS if it is set');
    this.fullToldAt = now;
    this.fullUntold = 0;
  }

  private opened(socket: TransportSocket): void {
    this.counters.accepted += 1;
    const connection = new Connection(socket, this.context);
    this.connections.set(socket.id, connection);
    this.keepalive.add(connection);
    this.helloDeadlines.add(connection);
  }

  private ponged(socket: TransportSocket): void {
    const connection = this.connections.get(socket.id);
    if (!connection) return;
    connection.unansweredSince = 0;
    connection.countControlFrame();
  }

  private closed(socket: TransportSocket, code: number): void {
    this.counters.close(code);
    const connection = this.connections.get(socket.id);
    if (!connection) return;
    this.connections.delete(socket.id);
    this.helloDeadlines.remove(connection);
    this.keepalive.remove(connection);
    connection.onClosed();
    if (this.connections.size === 0) this.emptied();
  }
}
