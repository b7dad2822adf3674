/** What all players, dashboards and readers of one process share. */
import { Cast } from './cast.ts';
import { nowMs } from './clock.ts';
import { HttpCaller } from './http-caller.ts';
import { LimitWatch } from './limit-watch.ts';
import type { LoadOptions } from './options.ts';
import { planMs } from './plan.ts';
import { type LatencyName, Tally } from './tally.ts';
import { listedUsers, Tokens } from './tokens.ts';

/** A signed token outlasts the run by so much. */
const TOKEN_SLACK_MS = 600_000;

export class World {
  readonly options: LoadOptions;
  readonly cast: Cast;
  readonly tokens: Tokens;
  readonly limits: LimitWatch;
  readonly http: HttpCaller | undefined;
  /** Changes carry marks only when somebody watches. */
  readonly isWatched: boolean;
  /** Since it was taken last. */
  tally = new Tally();
  /** Players with a welcome. */
  here = 0;
  private readonly deadlines: { readonly atMs: number; readonly expire: () => void }[] = [];
  private firstDeadline = 0;
  private sockets = 0;

  constructor(options: LoadOptions) {
    this.options = options;
    this.cast = castOf(options);
    this.tokens = new Tokens(options.tokens, planMs(options) + TOKEN_SLACK_MS);
    this.limits = new LimitWatch((text) => this.tally.violation(text));
    this.http = options.http === undefined ? undefined : new HttpCaller(options.http, options);
    this.isWatched = options.dashboards.some(({ kind, count }) => kind !== 'stats' && count > 0);
  }

  takeTally(): Tally {
    const { tally } = this;
    this.tally = new Tally();
    tally.count('checked.admissions', this.limits.checked);
    this.limits.checked = 0;
    return tally;
  }

  measured(name: LatencyName, dueMs: number, isStorm = false): void {
    const ms = nowMs() - dueMs;
    this.tally.latency(name, ms);
    if (isStorm) this.tally.latency('storm', ms);
  }

  /** Calls back after `timeoutMs`, looked at once a second: of what was answered meanwhile the callback does nothing. */
  expireLater(expire: () => void): void {
    this.deadlines.push({ atMs: nowMs() + this.options.timeoutMs, expire });
  }

  /** Once a second. */
  check(): void {
    const now = nowMs();
    this.limits.check(now);
    for (; this.firstDeadline < this.deadlines.length; this.firstDeadline++) {
      const deadline = this.deadlines[this.firstDeadline] as (typeof this.deadlines)[number];
      if (deadline.atMs > now) break;
      deadline.expire();
    }
    this.deadlines.splice(0, this.firstDeadline);
    this.firstDeadline = 0;
  }

  /** The address to connect the next socket from. */
  nextAddress(): string | undefined {
    const { localAddresses } = this.options;
    return localAddresses[this.sockets++ % localAddresses.length];
  }
}

/** @throws Error when a list of tokens has none of a player. */
export function castOf({ prefix, screens, streams, tokens }: LoadOptions): Cast {
  return new Cast({
    prefix,
    screens,
    streams,
    users: tokens.kind === 'list' ? listedUsers(tokens.tokens) : undefined,
  });
}
