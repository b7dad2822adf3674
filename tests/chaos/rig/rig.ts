/** All of one run: the store, gateways, players, dashboards and those who look; and the record of what was seen. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { FaultProxy } from '../../support/fault-proxy.ts';
import { randomOf } from '../../support/seeds.ts';
import { now, type RunRecord, type Timers, type Window } from '../record.ts';
import { Clock } from './clock.ts';
import { ChaosDashboard } from './dashboard.ts';
import { type ChaosDatabase, type DatabaseKind, startDatabase } from './database.ts';
import { finalState } from './final.ts';
import { formerMain } from './former.ts';
import { Gateway } from './gateway.ts';
import { notePace } from './pace.ts';
import { Players } from './players.ts';
import { type ChaosStore, type StoreKind, startStore } from './store.ts';
import { Watch } from './watch.ts';

const TIMERS: Timers = {
  pingMs: 1_000,
  pongMs: 1_000,
  graceMs: 2_000,
  beatMs: 500,
  leaseMs: 3_000,
  sweepMs: 250,
  stallGraceMs: 30_000,
};
const LIMIT = 2;
export const USUAL = { gateways: 3, players: 60, contended: 6 };

export interface RigOptions {
  readonly seed: number;
  readonly store: StoreKind;
  readonly gateways: number;
  /** Players with a user each. */
  readonly players: number;
  /** Users with more devices than slots. */
  readonly contended: number;
  readonly env?: Readonly<Record<string, string>>;
  /** Others than usual. */
  readonly timers?: Partial<Timers>;
  /** The gateway that writes history, by its number; none: no history. */
  readonly history?: number;
  readonly database?: DatabaseKind;
  /** Each process has a wall clock of its own, that can be set. */
  readonly hasClocks?: boolean;
  /** Event loops of gateways can be made to stand still. */
  readonly isBlockable?: boolean;
  /** Gateways begin as they were built of a former commit. */
  readonly isFormer?: boolean;
}

export class Rig {
  readonly record: RunRecord;
  readonly random: () => number;
  readonly store: ChaosStore;
  readonly database: ChaosDatabase | undefined;
  readonly gateways: Gateway[] = [];
  /** Of gateways, by their number. */
  readonly clocks: Clock[] = [];
  readonly dashboards: ChaosDashboard[] = [];
  readonly players: Players;
  private readonly options: RigOptions;
  private readonly folder: string;
  /** Between players and gateways, by the gateway's number. */
  private readonly proxies = new Map<number, FaultProxy>();
  private watch: Watch | undefined;
  private readonly endPace: () => void;

  private constructor(options: RigOptions, store: ChaosStore, database: ChaosDatabase | undefined, folder: string) {
    this.options = options;
    this.store = store;
    this.database = database;
    this.folder = folder;
    this.random = randomOf(options.seed);
    this.record = {
      seed: options.seed,
      limit: LIMIT,
      lookedFrom: now(),
      timers: { ...TIMERS, ...options.timers },
      sessions: [],
      polls: [],
      health: [],
      dashboards: [],
      lines: [],
      ends: [],
      windows: [],
      pace: [],
      storeClock: [],
      final: undefined,
    };
    this.endPace = notePace(this.record.pace);
    const ofPlayers = randomOf(options.seed + 1);
    this.players = new Players({ record: this.record, gateways: this.gateways, random: this.random, ofPlayers });
  }

  static async start(options: RigOptions): Promise<Rig> {
    const folder = await mkdtemp(join(tmpdir(), 'presence-chaos-'));
    const { history, database: kind = 'sqlite', hasClocks = false } = options;
    const store = await startStore(options.store, folder, hasClocks ? new Clock(folder, 'store') : undefined);
    const rig = new Rig(options, store, history === undefined ? undefined : await startDatabase(kind, folder), folder);
    try {
      for (let i = 0; i < options.gateways; i++) await rig.addGateway();
      for (const gateway of rig.gateways) rig.addDashboard(gateway);
      await rig.begin();
    } catch (error) {
      await rig.stop();
      throw error;
    }
    await sleep(2 * rig.timers.leaseMs);
    return rig;
  }

  /** Looks at gateways, and lets players come until all are there. */
  private async begin(): Promise<void> {
    const { record, options } = this;
    record.lookedFrom = now();
    this.watch = new Watch(
      this.gateways,
      () => [...new Set(record.sessions.filter(({ isContended }) => !isContended).map(({ userId }) => userId))],
      (poll) => record.polls.push(poll),
      (poll) => record.health.push(poll),
    );
    await this.players.come(options.players, options.contended);
  }

  /** After `finish`: forgets what was seen but of those who are there, and lets others come for those who went. */
  async goOn(): Promise<void> {
    const { record } = this;
    record.sessions.splice(0, record.sessions.length, ...this.players.forget());
    for (const list of [record.polls, record.health, record.lines, record.ends, record.pace]) list.length = 0;
    for (const dashboard of this.dashboards) dashboard.forget();
    record.final = undefined;
    await this.begin();
    await sleep(this.timers.leaseMs);
  }

  async addGateway(): Promise<Gateway> {
    const i = this.gateways.length;
    const roles = this.options.history === i ? 'gateway,sidecar,history' : 'gateway,sidecar';
    const name = `gateway-${i}`;
    const clock = this.options.hasClocks ? new Clock(this.folder, name) : undefined;
    if (clock) this.clocks.push(clock);
    const gateway = await Gateway.start({
      name,
      main: this.options.isFormer ? formerMain() : undefined,
      isBlockable: this.options.isBlockable,
      env: {
        ...clock?.env,
        ...(await this.store.envOf(i)),
        ROLES: roles,
        DATABASE_URL: this.database?.url ?? 'none',
        MAX_STREAMS: String(LIMIT),
        PING_INTERVAL_MS: String(this.timers.pingMs),
        PONG_TIMEOUT_MS: String(this.timers.pongMs),
        RESUME_GRACE_MS: String(this.timers.graceMs),
        NODE_BEAT_MS: String(this.timers.beatMs),
        NODE_LEASE_MS: String(this.timers.leaseMs),
        SWEEP_MS: String(this.timers.sweepMs),
        SESSION_LEASE_MS: '60000',
        DRAIN_DELAY_MS: '0',
        DRAIN_MS: '1000',
        ...this.options.env,
      },
      logged: (line) => this.record.lines.push(line),
      ended: (end) => this.record.ends.push(end),
    });
    this.gateways.push(gateway);
    return gateway;
  }

  addDashboard(gateway: Gateway): void {
    const dashboard = new ChaosDashboard(gateway);
    this.dashboards.push(dashboard);
    this.record.dashboards.push(dashboard.record);
  }

  get hasHistory(): boolean {
    return this.options.history !== undefined;
  }

  private get timers(): Timers {
    return this.record.timers;
  }

  gateway(i: number): Gateway {
    return this.gateways[i] as Gateway;
  }

  /** The number of one of the gateways, as the seed says. */
  anyGateway(): number {
    return Math.floor(this.random() * this.gateways.length);
  }

  /** Notes that the store, or one gateway, is away while this runs. */
  async during(
    work: () => Promise<unknown>,
    about: { gateway?: Gateway; mayLapse?: boolean; split?: Window['split'] } = {},
  ): Promise<void> {
    const { gateway, mayLapse = false, split } = about;
    const from = now();
    await work();
    this.record.windows.push({
      from,
      to: now(),
      mayLapse,
      ...(split && { split }),
      ...(gateway && { gateway: gateway.name }),
    });
  }

  /** Ends a gateway's process. */
  async kill(gateway: Gateway, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const from = now();
    await gateway.kill(signal);
    const { leaseMs } = this.timers;
    this.record.windows.push({ from, to: from + leaseMs, gateway: gateway.name, mayLapse: true, isKilled: true });
  }

  /** From now on the store's clock is so far ahead. */
  setStoreClock(aheadMs: number): void {
    this.store.clock?.set(aheadMs);
    this.record.storeClock.push({ from: now(), aheadMs });
  }

  /** A time between, as the seed says. */
  between(leastMs: number, mostMs: number): number {
    return leastMs + (mostMs - leastMs) * this.random();
  }

  async pause(leastMs: number, mostMs = leastMs): Promise<void> {
    await sleep(this.between(leastMs, mostMs));
  }

  /** From now on players reach a gateway through a proxy. */
  async proxyPlayers(i: number): Promise<FaultProxy> {
    const gateway = this.gateway(i);
    const proxy = this.proxies.get(i) ?? (await FaultProxy.to(gateway.wsPort));
    gateway.playerPort = proxy.port;
    this.proxies.set(i, proxy);
    return proxy;
  }

  /** Sockets that subscribe to all and read nothing. */
  async deafDashboards(count: number): Promise<WebSocket[]> {
    return Promise.all(
      Array.from({ length: count }, async (_, i) => {
        const { wsPort } = this.gateway(i % this.gateways.length);
        const socket = new WebSocket(`ws://127.0.0.1:${wsPort}/ws`, 'presence.v1.json');
        socket.on('error', () => {});
        await new Promise((resolve) => socket.once('open', resolve));
        socket.send('{"type":"hello","observe":true}');
        socket.send('{"type":"subscribe","topic":"all","mode":"events"}');
        socket.pause();
        return socket;
      }),
    );
  }

  /** Players go, each in a way of its own; the store has nobody in the end, or says of whom it has. */
  async finish(): Promise<void> {
    await sleep(this.timers.leaseMs + this.timers.graceMs);
    await this.players.endContention();
    this.players.goSome(0.6);
    await sleep(this.timers.pingMs + this.timers.pongMs + this.timers.graceMs + this.timers.leaseMs + 2_000);
    await this.watch?.stop();
    this.record.final = await finalState(this);
  }

  async stop(): Promise<void> {
    this.endPace();
    await this.watch?.stop();
    await this.players.close();
    for (const dashboard of this.dashboards) await dashboard.close();
    await Promise.all(this.gateways.map((gateway) => gateway.kill()));
    for (const proxy of this.proxies.values()) await proxy.close();
    await this.store.stop();
    await this.database?.stop();
    for (const clock of this.clocks) clock.close();
    await rm(this.folder, { recursive: true, force: true });
  }
}
