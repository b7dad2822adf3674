/** One process of the generator: its players, dashboards and readers. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ChangeWatch } from './change-watch.ts';
import { nowMs } from './clock.ts';
import { Dashboard } from './dashboard.ts';
import { HttpPlayer } from './http-player.ts';
import type { WorkerOrder } from './messages.ts';
import { Pacer } from './pacer.ts';
import { Player } from './player.ts';
import { planShare } from './share.ts';
import { askStatus } from './status-reader.ts';
import type { Step } from './step.ts';
import { duration } from './units.ts';
import { World } from './world.ts';

/** So many leave at once: the end is no storm. */
const LEAVING_AT_ONCE = 200;
/** In which dashboards must be told the last changes. */
const LAST_CHANGES_MS = 5_000;
const LOOK_MS = 20;

export class Generator {
  readonly world: World;
  private readonly order: WorkerOrder;
  private readonly players = new Map<number, Player>();
  private readonly beaters = new Map<number, HttpPlayer>();
  private readonly guarders = new Map<number, HttpPlayer>();
  private dashboards: Dashboard[] = [];
  private readonly pacer = new Pacer();

  constructor(order: WorkerOrder) {
    this.order = order;
    this.world = new World(order.options);
  }

  /** Resolves when all dashboards have what was there before. Rejects in words. */
  async begin(): Promise<void> {
    this.dashboards = this.order.dashboards.map((order) => new Dashboard(this.world, order));
    const { timeoutMs } = this.order.options;
    const tooLong = sleep(timeoutMs, undefined, { ref: false }).then(() => {
      throw new Error(`the dashboards did not get their first snapshot within ${duration(timeoutMs)}`);
    });
    await Promise.race([Promise.all(this.dashboards.map(({ begun }) => begun)), tooLong]);
  }

  /** Resolves when the plan is over, or `leave` was called. */
  run(startMs: number): Promise<void> {
    const { options, index, processes } = this.order;
    const steps = planShare(options, this.world.cast, index, processes);
    return this.pacer.run(
      steps,
      startMs,
      (step, dueMs) => this.act(step, dueMs),
      (ms) => this.world.tally.latency('late', ms),
    );
  }

  /** @returns how many players may have left a session behind. */
  async leave(): Promise<number> {
    this.pacer.stop();
    const all = [...this.players.values(), ...this.beaters.values(), ...this.guarders.values()];
    let leftBehind = 0;
    let next = 0;
    const lane = async (): Promise<void> => {
      while (next < all.length) if (!(await this.leaves(all[next++] as Player | HttpPlayer))) leftBehind += 1;
    };
    await Promise.all(Array.from({ length: LEAVING_AT_ONCE }, lane));
    return leftBehind;
  }

  private async leaves(player: Player | HttpPlayer): Promise<boolean> {
    const bound = new AbortController();
    const tooLong = sleep(this.order.options.timeoutMs, false, { signal: bound.signal, ref: false }).catch(() => false);
    const hasLeft = await Promise.race([player.end(), tooLong]);
    bound.abort();
    if (player instanceof Player) player.abandon();
    return hasLeft;
  }

  /** @param made changes in all processes: those who watch all must have been told of as many. */
  async finish(made: number | undefined): Promise<void> {
    const watches = this.dashboards.flatMap(({ watch }) => watch ?? []);
    if (made !== undefined) {
      const lacks = ({ topic, told, hasResynced }: ChangeWatch): boolean =>
        topic === 'all' && !hasResynced && told < made;
      const isTold = (): boolean => watches.every((watch) => watch.inView.length === 0 && !lacks(watch));
      const untilMs = nowMs() + LAST_CHANGES_MS;
      while (!isTold() && nowMs() < untilMs) await sleep(LOOK_MS);
      const { tally } = this.world;
      for (const watch of watches) {
        const { topic, told, inView } = watch;
        if (inView.length > 0) {
          const text = `${inView.length} sessions that ended are still in view, such as ${inView[0]}`;
          tally.violation(`${topic}: ${text}`);
        }
        if (lacks(watch)) tally.violation(`all: of ${made} changes that were made, ${told} were told`);
      }
    }
    this.world.tally.count(
      'checked.changes',
      watches.reduce((sum, { checked }) => sum + checked, 0),
    );
    for (const dashboard of this.dashboards) dashboard.end();
    this.world.http?.close();
  }

  private act(step: Step, dueMs: number): void {
    const { world } = this;
    world.tally.count('acts');
    const { act, player } = step;
    if (act === 'status') void askStatus(world, player, dueMs);
    else if (act === 'beat') this.httpPlayer(this.beaters, player).do(step, dueMs);
    else if (act === 'guard') this.httpPlayer(this.guarders, player).do(step, dueMs);
    else this.player(player).do(step, dueMs);
  }

  private player(number: number): Player {
    const known = this.players.get(number) ?? new Player(this.world, number);
    this.players.set(number, known);
    return known;
  }

  private httpPlayer(players: Map<number, HttpPlayer>, number: number): HttpPlayer {
    const known = players.get(number) ?? new HttpPlayer(this.world, number);
    players.set(number, known);
    return known;
  }
}
