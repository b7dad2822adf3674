/** A dashboard that follows all by its cursor, over reconnections, and keeps the map that a page would show. */
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { type TopicFrame, TopicView } from '../../support/dashboard.ts';
import { type DashboardRecord, now } from '../record.ts';
import type { Gateway } from './gateway.ts';

const SILENCE_MS = 4_000;
const CONNECT_MS = 1_000;

type Change = NonNullable<TopicFrame['changes']>[number] & { readonly offline?: boolean; readonly at: number };

export class ChaosDashboard {
  readonly record: DashboardRecord;
  readonly view = new TopicView('all');
  private readonly gateway: Gateway;
  private isOver = false;
  /** In which it is connected and had a snapshot; from 0: not yet. */
  private span = { from: 0, to: 0 };
  private socket: WebSocket | undefined;
  private readonly running: Promise<void>;

  /** @param gateway whose dashboard it is: it comes back to the same one. */
  constructor(gateway: Gateway) {
    this.gateway = gateway;
    this.record = { gateway: gateway.name, changes: [], faults: this.view.faults, connected: [] };
    this.running = this.run();
  }

  /** What it was told is forgotten, not what it shows. */
  forget(): void {
    const { changes, faults, connected } = this.record;
    for (const list of [changes, faults, connected]) list.length = 0;
    if (this.span.from === 0 || this.socket?.readyState !== WebSocket.OPEN) return;
    this.span = { from: now(), to: now() };
    connected.push(this.span);
  }

  async close(): Promise<void> {
    this.isOver = true;
    this.socket?.terminate();
    await this.running;
  }

  private async run(): Promise<void> {
    while (!this.isOver) {
      await this.follow().catch(() => {});
      if (!this.isOver) await sleep(200);
    }
  }

  /** One connection, until it ends. */
  private async follow(): Promise<void> {
    const socket = new WebSocket(`ws://127.0.0.1:${this.gateway.wsPort}/ws`, 'presence.v1.json', {
      handshakeTimeout: CONNECT_MS,
    });
    this.socket = socket;
    socket.on('error', () => {});
    let heardAt = now();
    this.span = { from: 0, to: 0 };
    const watch = setInterval(() => now() - heardAt > SILENCE_MS && socket.terminate(), 500);
    socket.on('ping', () => {
      heardAt = now();
    });
    socket.once('open', () => socket.send('{"type":"hello","observe":true}'));
    socket.on('message', (data) => {
      heardAt = now();
      const frame = JSON.parse(data.toString()) as TopicFrame & { changes?: Change[] };
      if (frame.type === 'welcome') this.subscribe(socket);
      // Its store is away: the socket stays.
      if (frame.type === 'error') setTimeout(() => socket.readyState === WebSocket.OPEN && this.subscribe(socket), 200);
      if (frame.topic !== 'all') return;
      this.view.apply(frame);
      // What came before a snapshot may be in it, and then not among the changes.
      if (frame.type === 'snapshot' || this.view.paging) this.span = { from: 0, to: 0 };
      if (this.span.from === 0 && !this.view.paging) {
        this.span.from = heardAt;
        this.record.connected.push(this.span);
      }
      this.span.to = heardAt;
      for (const change of frame.changes ?? []) {
        this.record.changes.push({
          at: heardAt,
          happenedAt: change.at,
          kind: change.kind,
          userId: change.userId,
          sessionId: change.sessionId,
          isOffline: change.offline === true,
          reason: change.reason ?? '',
        });
      }
    });
    await new Promise((resolve) => socket.once('close', resolve));
    clearInterval(watch);
    if (this.span.from > 0) this.span.to = now();
  }

  private subscribe(socket: WebSocket): void {
    const { cursor } = this.view;
    // A snapshot that was cut off begins anew.
    const goesOn = cursor !== undefined && !this.view.paging;
    socket.send(
      JSON.stringify({ type: 'subscribe', id: 's', topic: 'all', mode: 'events', ...(goesOn && { cursor }) }),
    );
  }
}
