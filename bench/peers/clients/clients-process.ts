/**
 * The players and watchers of one contender, in a process of their own. Told by messages what to do, each answered with a
 * report; ends with its parent.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type BenchSession, inLanes, makeSessions } from '../../players.ts';
import { type Client, changedStream, DIALECTS, type Dialect, type DialectName, type Target } from './dialects.ts';
import { HttpPool } from './http-pool.ts';
import { MqttClient } from './mqtt-client.ts';
import { WsClient } from './ws-client.ts';

export type ClientsOrder =
  /** Must come first. */
  | { readonly order: 'meet'; readonly dialect: DialectName; readonly wsPort: number; readonly httpPort: number }
  /** Players come, `lanes` of them at once, and stay. */
  | {
      readonly order: 'come';
      readonly from: number;
      readonly count: number;
      readonly lanes: number;
      readonly beats: boolean;
    }
  /** For each user so many opens at once, beside each other, one user after the other. */
  | { readonly order: 'crowd'; readonly from: number; readonly users: number; readonly opens: number }
  | { readonly order: 'watch'; readonly count: number }
  /** Players change their streams for a time; the report is made when every watcher was told, or gave up. */
  | { readonly order: 'change'; readonly rate: number; readonly forMs: number }
  /** All players vanish. */
  | { readonly order: 'go' }
  | { readonly order: 'health' };

export interface ComeReport {
  readonly elapsedMs: number;
  readonly letIn: number;
  readonly refused: number;
}

export interface ChangeReport {
  readonly changes: number;
  readonly elapsedMs: number;
  /** Of the messages that watchers were to get, how many did not come in time. */
  readonly undelivered: number;
  /** null: nothing came. */
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
}

/** What went wrong so far, without an order being at fault. */
export interface HealthReport {
  readonly lost: number;
  readonly failures: number;
}

const POOL = 64;
/** Of the watchers, those whose messages are read; of the others the changes are only counted. */
const READERS = 10;
/** Changes come one by one, as those of many people do. */
const STEP_MS = 1;
const DELIVERED_WITHIN_MS = 5_000;
const LATE_WITHIN_MS = 30_000;
const QUIET_MS = 1_000;

class Crowd {
  private readonly dialect: Dialect;
  private readonly target: Target;
  private pool: HttpPool | undefined;
  private players: Client[] = [];
  private beats: NodeJS.Timeout[] = [];
  private watchers = 0;
  private changes = 0;
  private delivered = 0;
  private readonly sentAt = new Map<string, number>();
  private latenciesMs: number[] = [];

  constructor({ dialect, wsPort, httpPort }: Extract<ClientsOrder, { order: 'meet' }>) {
    this.dialect = DIALECTS[dialect];
    this.target = {
      wsPort,
      httpPort,
      pool: () => {
        this.pool ??= new HttpPool(httpPort, POOL);
        return this.pool;
      },
    };
  }

  async come({ from, count, lanes, beats }: Extract<ClientsOrder, { order: 'come' }>): Promise<ComeReport> {
    return this.open([makeSessions(from + count).slice(from)], lanes, beats);
  }

  async crowd({ from, users, opens }: Extract<ClientsOrder, { order: 'crowd' }>): Promise<ComeReport> {
    const [pattern] = makeSessions(1) as [BenchSession];
    const groups = Array.from({ length: users }, (_, user) =>
      makeSessions(opens).map((session): BenchSession => {
        return { ...session, userId: `${pattern.userId}-crowd-${from + user}` };
      }),
    );
    return this.open(groups, opens, false);
  }

  async watch({ count }: Extract<ClientsOrder, { order: 'watch' }>): Promise<number> {
    for (; this.watchers < count; this.watchers++) {
      const isRead = this.watchers < READERS;
      await this.dialect.watcher?.(this.target, (payload) => this.told(payload, isRead));
    }
    return count;
  }

  async change({ rate, forMs }: Extract<ClientsOrder, { order: 'change' }>): Promise<ChangeReport> {
    this.latenciesMs = [];
    this.sentAt.clear();
    this.delivered = 0;
    const [begunAt, first] = [performance.now(), this.changes];
    for (let now = begunAt; now - begunAt < forMs; now = performance.now()) {
      const due = first + Math.floor(((now - begunAt) * rate) / 1_000);
      while (this.changes < due) this.changeOne(this.changes++);
      await sleep(STEP_MS);
    }
    const changes = this.changes - first;
    const expected = changes * this.watchers;
    const until = performance.now() + DELIVERED_WITHIN_MS;
    while (this.delivered < expected && performance.now() < until) await sleep(STEP_MS);
    const elapsedMs = performance.now() - begunAt;
    const undelivered = expected - this.delivered;
    if (undelivered > 0) await this.untilQuiet();
    const latencies = this.latenciesMs.sort((a, b) => a - b);
    const percentile = (share: number): number | null => latencies[Math.floor(latencies.length * share)] ?? null;
    return {
      changes,
      elapsedMs,
      undelivered,
      p50Ms: percentile(0.5),
      p99Ms: percentile(0.99),
    };
  }

  /** What is late must not be counted as of the next order. */
  private async untilQuiet(): Promise<void> {
    const until = performance.now() + LATE_WITHIN_MS;
    for (let before = -1; before !== this.delivered && performance.now() < until; ) {
      before = this.delivered;
      await sleep(QUIET_MS);
    }
  }

  go(): number {
    for (const beat of this.beats.splice(0)) clearInterval(beat);
    const players = this.players.splice(0);
    for (const player of players) player.end();
    return players.length;
  }

  health(): HealthReport {
    return { lost: WsClient.lost + MqttClient.lost, failures: this.pool?.failures ?? 0 };
  }

  private async open(groups: readonly BenchSession[][], lanes: number, beats: boolean): Promise<ComeReport> {
    const [begunAt, before] = [performance.now(), this.players.length];
    let count = 0;
    for (const sessions of groups) {
      count += sessions.length;
      await inLanes(sessions, lanes, async (session) => {
        const player = await this.dialect.player(this.target, session);
        if (!player) return;
        this.players.push(player);
        if (beats) this.beatOn(player);
      });
    }
    const letIn = this.players.length - before;
    return { elapsedMs: performance.now() - begunAt, letIn, refused: count - letIn };
  }

  /** At a phase of its own. */
  private beatOn({ beat }: Client): void {
    const every = this.dialect.beatEveryMs;
    if (!beat || every === undefined) return;
    const first = setTimeout(() => {
      beat();
      this.beats.push(setInterval(beat, every));
    }, Math.random() * every);
    this.beats.push(first);
  }

  private changeOne(number: number): void {
    const streamId = changedStream(number);
    this.sentAt.set(streamId, performance.now());
    this.players[number % this.players.length]?.change?.(streamId);
  }

  private told(payload: Buffer, isRead: boolean): void {
    if (!isRead) {
      const { mark } = this.dialect;
      for (let at = payload.indexOf(mark); at >= 0; at = payload.indexOf(mark, at + mark.length)) this.delivered += 1;
      return;
    }
    const now = performance.now();
    const streams = this.dialect.streams(payload);
    this.delivered += streams.length;
    for (const streamId of streams) {
      const sentAt = this.sentAt.get(streamId);
      if (sentAt !== undefined) this.latenciesMs.push(now - sentAt);
    }
  }
}

let crowd: Crowd | undefined;

async function obey(order: ClientsOrder): Promise<unknown> {
  if (order.order === 'meet') {
    crowd = new Crowd(order);
    return {};
  }
  if (!crowd) throw new Error('no order before "meet"');
  switch (order.order) {
    case 'come':
      return crowd.come(order);
    case 'crowd':
      return crowd.crowd(order);
    case 'watch':
      return crowd.watch(order);
    case 'change':
      return crowd.change(order);
    case 'go':
      return crowd.go();
    case 'health':
      return crowd.health();
  }
}

process.on('message', (order: ClientsOrder) => {
  obey(order).then(
    (report) => process.send?.({ report }),
    (error: Error) => process.send?.({ error: `${order.order}: ${error.message}` }),
  );
});
process.on('disconnect', () => process.exit(0));
