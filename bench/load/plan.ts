/**
 * What happens when, fixed before the first connection: the same options and seed give the same plan, whatever the
 * server does and however many processes carry it out. Nobody waits for an answer before the next act is due.
 */
import type { Cast } from './cast.ts';
import { Crowd } from './crowd.ts';
import { draw, type Mix } from './mix.ts';
import { type Random, seeded } from './random.ts';
import { type Step, StepQueue } from './step.ts';
import { type StormKind, stormSteps } from './storm.ts';

export interface PlanOptions {
  readonly players: number;
  readonly rampMs: number;
  readonly holdMs: number;
  /** Acts of the mix a second while all hold. */
  readonly rate: number;
  readonly mix: Mix;
  readonly awayMs: number;
  readonly httpPlayers: number;
  /** Status queries a second, from the beginning to the end. */
  readonly statusRate: number;
  readonly seed: number;
  readonly storm?: StormKind | undefined;
  /** From the beginning of the hold. */
  readonly stormAtMs: number;
  readonly stormOverMs: number;
}

export const planMs = ({ rampMs, holdMs }: PlanOptions): number => rampMs + holdMs;

/** Players who come during the ramp: a premiere keeps half of them waiting. */
export function rampPlayers({ players, storm }: PlanOptions): number {
  return storm === 'premiere' ? Math.ceil(players / 2) : players;
}

/** All steps in the order of time. */
export function* plan(options: PlanOptions, cast: Cast): Generator<Step> {
  const planner = new Planner(options, cast);
  for (let step = planner.next(); step; step = planner.next()) yield step;
}

/** Instants of a fixed rate. */
class Beat {
  dueMs: number;
  private readonly everyMs: number;
  private readonly endMs: number;

  constructor(rate: number, beginMs: number, endMs: number) {
    this.everyMs = 1_000 / rate;
    this.endMs = endMs;
    // The first in the middle of its turn, so that two rates do not beat together.
    this.dueMs = rate > 0 ? this.bound(beginMs + this.everyMs / 2) : Number.POSITIVE_INFINITY;
  }

  advance(): void {
    this.dueMs = this.bound(this.dueMs + this.everyMs);
  }

  private bound(dueMs: number): number {
    return dueMs < this.endMs ? dueMs : Number.POSITIVE_INFINITY;
  }
}

class Planner {
  private readonly options: PlanOptions;
  private readonly cast: Cast;
  private readonly random: Random;
  private readonly ramp: Beat;
  private readonly mixed: Beat;
  private readonly status: Beat;
  private readonly crowd: Crowd;
  private joined = 0;
  private lists = 0;
  private beats = 0;
  private guards = 0;
  private stormDueMs: number;
  /** In the order of time: those who lost their connection, and the storm. */
  private readonly returns = new StepQueue();
  private readonly storm = new StepQueue();

  constructor(options: PlanOptions, cast: Cast) {
    const { rampMs, holdMs, seed } = options;
    this.options = options;
    this.cast = cast;
    this.random = seeded(seed);
    const comers = rampPlayers(options);
    this.crowd = new Crowd(comers, options.players);
    this.ramp = new Beat(rampMs > 0 ? (comers * 1_000) / rampMs : 0, 0, rampMs);
    this.mixed = new Beat(options.rate, rampMs, rampMs + holdMs);
    this.status = new Beat(options.statusRate, 0, rampMs + holdMs);
    this.stormDueMs = options.storm ? rampMs + options.stormAtMs : Number.POSITIVE_INFINITY;
  }

  next(): Step | undefined {
    for (;;) {
      const { rampMs } = this.options;
      // Without a ramp all come at the first instant.
      const rampDueMs =
        this.joined >= rampPlayers(this.options) ? Number.POSITIVE_INFINITY : rampMs > 0 ? this.ramp.dueMs : 0;
      const dues = [
        rampDueMs,
        this.stormDueMs,
        this.storm.dueMs,
        this.returns.dueMs,
        this.mixed.dueMs,
        this.status.dueMs,
      ];
      const atMs = Math.min(...dues);
      if (atMs === Number.POSITIVE_INFINITY) return undefined;
      const step = this.take(dues.indexOf(atMs), atMs);
      if (step) return step;
    }
  }

  private take(source: number, atMs: number): Step | undefined {
    switch (source) {
      case 0:
        return this.comeInRamp(atMs);
      case 1:
        this.beginStorm(atMs);
        return undefined;
      case 2:
        return this.continueStorm(this.storm.take());
      case 3: {
        const step = this.returns.take();
        this.crowd.comes(step.player);
        return step;
      }
      case 4:
        this.mixed.advance();
        return this.mixStep(atMs);
      default:
        this.status.advance();
        return { atMs, act: 'status', player: this.lists++ };
    }
  }

  private comeInRamp(atMs: number): Step {
    if (this.options.rampMs > 0) this.ramp.advance();
    const player = this.joined++;
    this.crowd.comes(player);
    return this.join(atMs, player);
  }

  private join(atMs: number, player: number): Step {
    return { atMs, act: 'join', player, stream: this.cast.drawStream(this.random) };
  }

  private beginStorm(atMs: number): void {
    this.stormDueMs = Number.POSITIVE_INFINITY;
    const { storm, stormOverMs } = this.options;
    const here = this.crowd.everyoneHere();
    const absent = this.crowd.takeAllAway();
    const steps = stormSteps(storm as StormKind, { atMs, overMs: stormOverMs, here, absent, random: this.random });
    for (const step of steps) this.storm.add({ ...step, isStorm: true });
  }

  /** Between a loss and a return nobody else's act is drawn for the player. */
  private continueStorm(step: Step): Step {
    if (step.act === 'drop') this.crowd.goes(step.player);
    if (step.act === 'join' || step.act === 'resume') this.crowd.comes(step.player);
    return step;
  }

  /** @returns nothing when nobody is there who could do it. */
  private mixStep(atMs: number): Step | undefined {
    const act = draw(this.options.mix, this.random);
    if (act === 'beat') return { atMs, act, player: this.beats++ % this.options.httpPlayers };
    if (act === 'guard') return { atMs, act, player: this.guards++ % this.options.httpPlayers };
    if (act === 'join') {
      const player = this.crowd.takeAway(this.random);
      this.crowd.comes(player);
      return this.join(atMs, player);
    }
    const player = this.crowd.drawHere(this.random);
    if (player === undefined) return undefined;
    if (act === 'switch') return { atMs, act, player, stream: this.cast.drawStream(this.random) };
    this.crowd.goes(player);
    if (act === 'leave') this.crowd.isAway(player);
    else this.returns.add({ atMs: atMs + this.options.awayMs, act: 'resume', player });
    return { atMs, act, player };
  }
}
