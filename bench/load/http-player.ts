/** Players without a socket: heartbeats, and guards. Acts of one player are sent in order, each counted from when due. */

import { nowMs } from './clock.ts';
import { codeOf, type HttpAnswer, type HttpCaller } from './http-caller.ts';
import type { Step } from './step.ts';
import type { World } from './world.ts';

/** A guard is created, refreshed so often, and deleted. */
const REFRESHES = 3;
const UNTIL_STREAM = 7;
/** Evicted, kicked, or expired: what the server says of a session and of a guard that ended from elsewhere. */
const ENDED = 410;
const GONE_GUARD = 404;

type Send = (method: string, path: string, body?: object) => Promise<HttpAnswer>;

export class HttpPlayer {
  private readonly world: World;
  private readonly number: number;
  private readonly userId: string;
  private readonly sessionId: string;
  /** The session of the heartbeats may be live. */
  private isBeating = false;
  /** The next beat begins anew what was ended from elsewhere. */
  private startsAnew = false;
  private guardId: string | undefined;
  private refreshes = 0;
  /** A guard may be there whose id was never told. */
  private hasUnknownGuard = false;
  private last: Promise<unknown> = Promise.resolve();

  constructor(world: World, number: number) {
    this.world = world;
    this.number = number;
    this.userId = world.cast.httpUserId(world.cast.userOf(number));
    this.sessionId = `${world.options.prefix}-b${number}`;
  }

  do({ act }: Step, dueMs: number): void {
    this.last = this.last.then(() => (act === 'beat' ? this.beat(dueMs) : this.guard(dueMs)));
  }

  /** @returns whether no session is left. */
  async end(): Promise<boolean> {
    await this.last;
    const { userId, sessionId, guardId } = this;
    const ends: Promise<HttpAnswer>[] = [];
    if (this.isBeating) ends.push(this.send('DELETE', '/heartbeat', { userId, sessionId }));
    if (guardId !== undefined) ends.push(this.send('DELETE', `/guards/${guardId}`));
    const answers = await Promise.allSettled(ends);
    const haveEnded = answers.every(
      (answer) => answer.status === 'fulfilled' && [204, 404].includes(answer.value.status),
    );
    return haveEnded && !this.hasUnknownGuard;
  }

  private async beat(dueMs: number): Promise<void> {
    const { world, userId, sessionId } = this;
    const { cast } = world;
    const wasBeating = this.isBeating;
    this.isBeating = true;
    const streamId = cast.streamId((this.number * UNTIL_STREAM) % world.options.streams);
    const fresh = this.startsAnew ? { fresh: true } : {};
    const body = { userId, sessionId, streamId, ...cast.traits(this.number), ...fresh };
    const answer = await this.measured('beat', dueMs, () => this.send('POST', '/heartbeat', body));
    this.startsAnew = answer?.status === ENDED;
    // After any other failure it may have been opened.
    if (answer && answer.status >= 400 && answer.status < 500) this.isBeating = false;
    if (answer?.status !== 200) return;
    const { current, max, degraded } = answer.body as { current?: number; max?: number; degraded?: true };
    const isDegraded = degraded === true;
    if (isDegraded) world.tally.count('degraded');
    // A beat holds no socket, and ends when nobody notices: only its admission is judged.
    world.limits.admitted(userId, { current, max, isDegraded, isNew: !wasBeating }, nowMs(), false);
  }

  private async guard(dueMs: number): Promise<void> {
    const { guardId } = this;
    if (guardId === undefined) {
      const answer = await this.measured('guard', dueMs, () => this.send('POST', '/guards', {}));
      if (answer?.status === 200) this.guardId = answer.body.guardId as string;
      this.refreshes = 0;
      return;
    }
    const isLast = this.refreshes++ >= REFRESHES;
    const method = isLast ? 'DELETE' : 'PATCH';
    const answer = await this.measured('guard', dueMs, () => this.send(method, `/guards/${guardId}`));
    const isGone = answer?.status === GONE_GUARD;
    if (isGone || (isLast && answer?.status === 204)) this.guardId = undefined;
  }

  /** @returns nothing when there was no answer, which is counted. */
  private async measured(
    name: 'beat' | 'guard',
    dueMs: number,
    act: () => Promise<HttpAnswer>,
  ): Promise<HttpAnswer | undefined> {
    const { world } = this;
    try {
      const answer = await act();
      world.measured(name, dueMs);
      const code = codeOf(answer);
      if (name === 'guard' && answer.status >= 500) this.hasUnknownGuard = true;
      if (code === 'concurrency_limit') world.tally.count('refused');
      else if (answer.status === ENDED || answer.status === GONE_GUARD) world.tally.count('evicted');
      else if (answer.status > 299) world.tally.error(code);
      return answer;
    } catch (error) {
      const { message } = error as Error;
      world.tally.error(message);
      // Nobody took the request.
      if (name === 'guard' && message !== 'http_ECONNREFUSED') this.hasUnknownGuard = true;
      return undefined;
    }
  }

  private readonly send: Send = async (method, path, body) => {
    const { world, userId } = this;
    const token = world.options.apiKey ? undefined : await world.tokens.of(userId, 'presence:player');
    return (world.http as HttpCaller).call(method, path, token, { 'x-user-id': userId }, body);
  };
}
