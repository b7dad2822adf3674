/**
 * A player with one session, as a good client behaves: comes back with its resume token to any gateway, gives a
 * connection up that is silent, and never comes back after a final code.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { CLOSE_CODES } from '../../../gateway/protocol/close-codes.ts';
import { FINAL_CODES, now, type SessionRecord } from '../record.ts';
import type { Gateway } from './gateway.ts';

const CONNECT_MS = 1_000;
const LEAVE_MS = 5_000;
const BACK_OFF_MS = { first: 100, most: 500 };

export interface ScreenOptions {
  readonly record: SessionRecord;
  /** The gateway to try next, of those that a balancer believes in; `tried` failed a moment ago. */
  readonly choose: (tried: Gateway | undefined) => Gateway;
  readonly random: () => number;
  /** How often it asks whether the store has its session. */
  readonly aliveMs: number;
  /** Without a frame or ping for so long a connection is given up. */
  readonly silenceMs: number;
  readonly hello?: Readonly<Record<string, unknown>>;
}

export class Screen {
  readonly record: SessionRecord;
  private readonly options: ScreenOptions;
  private socket: WebSocket | undefined;
  private resumeToken: string | undefined;
  private hasEnded = false;
  private isDegraded = false;
  private lastHeardAt = 0;
  /** Resolves when it will never be connected again. */
  readonly over: Promise<void>;
  private readonly wake: () => void;

  constructor(options: ScreenOptions) {
    this.options = options;
    this.record = options.record;
    let wake = (): void => {};
    this.over = new Promise((resolve) => {
      wake = resolve;
    });
    this.wake = wake;
  }

  get isOver(): boolean {
    return this.hasEnded;
  }

  /** Connects, and again whenever it is lost. Resolves with whether it was let in. */
  async start(): Promise<boolean> {
    const isIn = await this.connect();
    if (!isIn) return false;
    void this.stayConnected();
    return true;
  }

  /** Leaves; resolves when that was answered, or the socket is gone. */
  async leave(): Promise<void> {
    const { socket } = this;
    this.finish();
    this.record.events.push({ what: 'leave', at: now() });
    if (socket?.readyState !== WebSocket.OPEN) {
      // Else it would say hello once it is connected.
      socket?.terminate();
      return;
    }
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    socket.send('{"type":"leave"}');
    // The store is away: then the socket stays, and its end is left to the grace.
    socket.on('message', (data) => JSON.parse(data.toString()).type === 'error' && socket.terminate());
    const cut = setTimeout(() => socket.terminate(), LEAVE_MS);
    await closed;
    clearTimeout(cut);
  }

  /** Gives its connection up, and takes another. */
  reconnect(): void {
    this.socket?.terminate();
  }

  /** The socket is closed without a word, and the player does not come back. */
  vanish(): void {
    this.finish();
    this.record.events.push({ what: 'gone', at: now(), way: 'socket' });
    this.socket?.terminate();
  }

  /** The device is off: nothing is read or answered any more, and nobody is told. */
  freeze(): void {
    this.finish();
    this.record.events.push({ what: 'gone', at: now(), way: 'network' });
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.pause();
    else this.socket?.terminate();
  }

  /** Ends the process' side of it, when the run is over. */
  close(): void {
    this.finish();
    this.socket?.terminate();
  }

  private finish(): void {
    this.hasEnded = true;
    this.wake();
  }

  private async stayConnected(): Promise<void> {
    let backOffMs = BACK_OFF_MS.first;
    while (!this.hasEnded) {
      const { socket } = this;
      if (socket?.readyState === WebSocket.OPEN) {
        backOffMs = BACK_OFF_MS.first;
        await this.follow(socket);
        continue;
      }
      await sleep(backOffMs * this.options.random());
      if (this.hasEnded) return;
      backOffMs = Math.min(2 * backOffMs, BACK_OFF_MS.most);
      await this.connect();
    }
  }

  /** Asks now and then whether the store has the session, until the socket ends. */
  private async follow(socket: WebSocket): Promise<void> {
    while (socket.readyState === WebSocket.OPEN && !this.hasEnded) {
      if (now() - this.lastHeardAt > this.options.silenceMs) {
        socket.terminate();
        return;
      }
      socket.send(JSON.stringify({ type: 'heartbeat', id: String(now()) }));
      await sleep(this.options.aliveMs);
    }
  }

  /** Tries gateways until one takes it, or a final answer. @returns whether it was welcomed. */
  private async connect(): Promise<boolean> {
    for (let tried: Gateway | undefined; !this.hasEnded; ) {
      const gateway = this.options.choose(tried);
      tried = gateway;
      const outcome = await this.connectTo(gateway);
      if (outcome === 'in') return true;
      if (outcome === 'final') {
        this.finish();
        return false;
      }
      await sleep(BACK_OFF_MS.first * this.options.random());
    }
    return false;
  }

  private async connectTo(gateway: Gateway): Promise<'in' | 'final' | 'again'> {
    const { record } = this;
    const socket = new WebSocket(`ws://127.0.0.1:${gateway.playerPort}/ws`, 'presence.v1.json', {
      handshakeTimeout: CONNECT_MS,
    });
    this.socket = socket;
    socket.on('error', () => {});
    socket.on('ping', () => {
      this.lastHeardAt = now();
    });
    return new Promise((resolve) => {
      const given = setTimeout(() => socket.terminate(), 3 * CONNECT_MS);
      let isWelcomed = false;
      socket.once('open', () => {
        record.events.push({
          what: 'hello',
          at: now(),
          gateway: gateway.name,
          resumes: this.resumeToken !== undefined,
        });
        socket.send(
          JSON.stringify({
            type: 'hello',
            userId: record.userId,
            sessionId: record.sessionId,
            streamId: record.streamId,
            ...this.options.hello,
            ...(this.resumeToken && { resume: this.resumeToken }),
          }),
        );
      });
      socket.on('message', (data) => {
        const at = now();
        this.lastHeardAt = at;
        const frame = JSON.parse(data.toString());
        switch (frame.type) {
          case 'welcome':
            isWelcomed = true;
            clearTimeout(given);
            this.resumeToken = frame.resumeToken ?? this.resumeToken;
            this.isDegraded = frame.degraded === true;
            record.events.push({
              what: 'welcome',
              at,
              gateway: gateway.name,
              degraded: this.isDegraded,
              resumed: frame.resumed,
            });
            resolve('in');
            break;
          case 'heartbeat':
            // What a device that is off had not read yet, nobody saw.
            if (frame.expiresAt !== undefined && !this.hasEnded) {
              this.isDegraded = false;
              record.events.push({ what: 'alive', at, gateway: gateway.name, tookMs: at - Number(frame.id) });
            }
            break;
          case 'evicted':
            record.events.push({ what: 'evicted', at, reason: frame.reason });
            break;
          case 'error':
            record.events.push({ what: 'problem', at, code: frame.problem?.code ?? '' });
            break;
        }
      });
      socket.once('close', (code) => {
        clearTimeout(given);
        const isOwn = this.hasEnded;
        if (!isOwn || code !== 1006) record.events.push({ what: 'closed', at: now(), code });
        if (isOwn && code === CLOSE_CODES.normal.code) record.events.push({ what: 'left', at: now() });
        const isFinal = FINAL_CODES.has(code);
        if (isWelcomed && isFinal) this.finish();
        resolve(isFinal ? 'final' : 'again');
      });
    });
  }
}
