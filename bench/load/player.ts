/**
 * A player with a socket, who does what the plan says. What is due while its connection opens is done after the welcome,
 * and counts from when it was due. After a close that it did not ask for it comes back as the protocol asks.
 */
import { nowMs } from './clock.ts';
import { markMeta } from './mark.ts';
import { isFault, reconnectAfter, waitMs } from './returns.ts';
import { type Frame, type GatewaySocket, openSocket } from './socket.ts';
import type { Step } from './step.ts';
import type { LatencyName } from './tally.ts';
import type { World } from './world.ts';

const NORMAL = 1_000;
const GOING_AWAY = 1_001;
const LOST = 1_006;
/** Longer than a session waits whose hello had no answer. */
const DOUBT_MS = 30_000;

interface Asked {
  readonly name: LatencyName;
  readonly dueMs: number;
  readonly isStorm: boolean;
}

interface Due {
  readonly step: Step;
  readonly dueMs: number;
}

/** `lost`: its session waits for it. `leaving`: until the server has closed. */
type State = 'away' | 'connecting' | 'here' | 'lost' | 'leaving';

export class Player {
  private readonly world: World;
  private readonly number: number;
  private readonly userId: string;
  private state: State = 'away';
  private socket: GatewaySocket | undefined;
  private streamId = '';
  private resumeToken: string | undefined;
  /** The last welcome said `degraded`. */
  private isUnchecked = false;
  /** Changes of the session that were tried, and that were answered. */
  private tried = 0;
  private sure = 0;
  private attempts = 0;
  private returning: NodeJS.Timeout | undefined;
  private attempt: Asked = { name: 'welcome', dueMs: 0, isStorm: false };
  private waiting: Due[] = [];
  private readonly asked = new Map<number, Asked>();
  private lastId = 0;
  /** The server said why before it closes. */
  private hasSaidWhy = false;
  private hasSaidHello = false;
  /** Until then a session may wait that nobody knows of, since its hello had no answer. */
  private doubtUntilMs = 0;
  /** At the end of the run: told once it has left, or cannot. */
  private ended: ((hasLeft: boolean) => void) | undefined;

  constructor(world: World, number: number) {
    this.world = world;
    this.number = number;
    this.userId = world.cast.userId(world.cast.userOf(number));
  }

  do(step: Step, dueMs: number): void {
    if (this.state === 'connecting' || this.state === 'leaving') {
      this.waiting.push({ step, dueMs });
      return;
    }
    const isStorm = step.isStorm === true;
    const canCome = step.act === 'join' ? this.state === 'away' : this.state === 'lost' && !this.returning;
    if (step.act === 'join' && canCome) {
      this.streamId = this.world.cast.streamId(step.stream as number);
      this.connect({ name: 'welcome', dueMs, isStorm });
    } else if (step.act === 'resume' && canCome) this.connect({ name: 'resume', dueMs, isStorm });
    else if (step.act === 'join' || step.act === 'resume' || this.state !== 'here') this.world.tally.count('skipped');
    else if (step.act === 'switch') this.switchTo(step.stream as number, dueMs, isStorm);
    else if (step.act === 'leave') this.leave(dueMs);
    else this.loseConnection(step, dueMs);
  }

  /** Leaves, whatever it is doing; a session that waits is taken back for it. @returns whether no session is left. */
  end(): Promise<boolean> {
    return new Promise((resolve) => {
      this.ended = resolve;
      this.waiting = [];
      this.goOnLeaving();
    });
  }

  /** Ends the connection, whatever becomes of its session. */
  abandon(): void {
    clearTimeout(this.returning);
    this.socket?.drop();
  }

  private goOnLeaving(): void {
    if (!this.ended) return;
    clearTimeout(this.returning);
    if (this.state === 'away') this.ended(nowMs() > this.doubtUntilMs);
    else if (this.state === 'here') this.leave(nowMs());
    else if (this.state === 'lost') this.connect({ name: 'resume', dueMs: nowMs(), isStorm: false });
  }

  private connect(attempt: Asked): void {
    this.state = 'connecting';
    this.attempt = attempt;
    this.returning = undefined;
    const { world, userId } = this;
    world.tokens.of(userId, 'presence:player').then(
      (token) => this.open(token),
      () => this.closed(LOST, 'token_failed'),
    );
  }

  private open(token: string | undefined): void {
    const { world } = this;
    const connectMs = nowMs();
    const socket = openSocket(world.options, world.nextAddress(), {
      opened: () => {
        world.measured('connect', connectMs);
        this.sayHello(socket, token);
      },
      received: (frame) => this.received(frame),
      closed: (code, failure) => this.closed(code, failure),
    });
    this.socket = socket;
    world.expireLater(() => {
      if (this.socket !== socket || this.state !== 'connecting') return;
      socket.drop();
      this.closed(LOST, 'timeout');
    });
  }

  private sayHello(socket: GatewaySocket, token: string | undefined): void {
    const { world, userId, streamId, resumeToken } = this;
    if (resumeToken === undefined) this.tried = this.sure = 0;
    this.hasSaidHello = true;
    socket.send({
      type: 'hello',
      userId,
      streamId,
      ...world.cast.traits(this.number),
      ...this.nextMark(this.attempt.dueMs),
      ...(resumeToken === undefined ? {} : { resume: resumeToken }),
      ...(token === undefined ? {} : { token }),
    });
  }

  private nextMark(dueMs: number): { meta?: Record<string, string> } {
    if (!this.world.isWatched) return {};
    this.tried += 1;
    return { meta: markMeta({ n: this.tried, sure: this.sure, dueMs }) };
  }

  private received(frame: Frame): void {
    const asked = typeof frame.id === 'number' ? this.asked.get(frame.id) : undefined;
    this.asked.delete(frame.id as number);
    this.hasSaidWhy = false;
    if (frame.type === 'welcome') this.welcomed(frame);
    else if (frame.type === 'ok' && asked) this.answered(asked, frame);
    else if (frame.type === 'error') this.refused(frame);
    else if (frame.type === 'evicted') this.world.tally.count('evicted');
    else if (frame.type === 'token_expiring') void this.refresh();
  }

  private welcomed(frame: Frame): void {
    const { world, attempt } = this;
    const isDegraded = frame.degraded === true;
    const [current, max] = [frame.current as number | undefined, frame.max as number | undefined];
    this.state = 'here';
    this.attempts = 0;
    this.hasSaidHello = false;
    world.here += 1;
    if (!this.ended) world.measured(attempt.name, attempt.dueMs, attempt.isStorm);
    if (isDegraded) world.tally.count('degraded');
    this.isUnchecked = isDegraded;
    this.made();
    if (attempt.name === 'resume' && frame.resumed !== true) world.tally.count('lapsed');
    this.resumeToken = frame.resumeToken as string | undefined;
    world.limits.admitted(this.userId, { current, max, isDegraded, isNew: frame.resumed !== true }, nowMs());
    this.goOn();
  }

  /**
   * A change was surely made: all who watch must be told of it. Of a session that was let in unchecked they are told only
   * what it is at when it is admitted.
   */
  private made(): void {
    if (!this.world.isWatched || this.isUnchecked) return;
    this.sure += 1;
    this.world.tally.count('made');
  }

  private answered({ name, dueMs, isStorm }: Asked, frame: Frame): void {
    this.world.measured(name, dueMs, isStorm);
    if (name === 'switch') this.made();
    if (name === 'refresh' && typeof frame.resumeToken === 'string') this.resumeToken = frame.resumeToken;
  }

  private refused(frame: Frame): void {
    const { code } = frame.problem as { code: string };
    if (code === 'concurrency_limit') this.world.tally.count('refused');
    else this.world.tally.error(code);
    this.hasSaidWhy = true;
    // A leave that the store did not take: the session is as before.
    if (this.state === 'leaving') {
      this.state = 'here';
      this.world.here += 1;
      if (this.ended) this.giveUp();
      else this.goOn();
    }
  }

  private switchTo(stream: number, dueMs: number, isStorm: boolean): void {
    this.streamId = this.world.cast.streamId(stream);
    this.ask('switch', dueMs, isStorm, { type: 'update', streamId: this.streamId, ...this.nextMark(dueMs) });
  }

  private async refresh(): Promise<void> {
    const dueMs = nowMs();
    const token = await this.world.tokens.of(this.userId, 'presence:player').catch(() => undefined);
    if (token === undefined) this.world.tally.error('token_failed');
    else if (this.state === 'here') this.ask('refresh', dueMs, false, { type: 'refresh', token });
  }

  private ask(name: LatencyName, dueMs: number, isStorm: boolean, message: object): void {
    const id = ++this.lastId;
    this.asked.set(id, { name, dueMs, isStorm });
    this.socket?.send({ ...message, id });
    this.world.expireLater(() => {
      if (this.asked.delete(id)) this.world.tally.error('timeout');
    });
  }

  private leave(dueMs: number): void {
    const { socket } = this;
    this.isGone('leaving');
    this.attempt = { name: 'leave', dueMs, isStorm: false };
    socket?.send({ type: 'leave' });
    this.world.expireLater(() => {
      if (this.socket !== socket || this.state !== 'leaving') return;
      socket?.drop();
      this.closed(LOST, 'timeout');
    });
  }

  private loseConnection({ act, isStorm }: Step, dueMs: number): void {
    this.isGone('lost');
    this.world.tally.count('skipped', this.asked.size);
    this.asked.clear();
    if (act === 'drop') this.socket?.drop();
    else this.socket?.close(GOING_AWAY);
    if (act === 'reconnect') this.connect({ name: 'resume', dueMs, isStorm: isStorm === true });
  }

  private isGone(state: 'leaving' | 'lost' | 'away'): void {
    this.state = state;
    this.world.here -= 1;
    this.world.limits.released(this.userId, nowMs());
  }

  /** The server closed, or the connection was lost or never opened. */
  private closed(code: number, failure: string | undefined): void {
    const { world, state, attempt } = this;
    for (const _ of this.asked) world.tally.error('connection_lost');
    this.asked.clear();
    if (state === 'leaving' && code === NORMAL) {
      if (!this.ended) world.measured('leave', attempt.dueMs);
      this.over();
      return;
    }
    if (failure === undefined) world.tally.count(`closes.${code}`);
    if (failure !== undefined) world.tally.error(failure);
    else if (isFault(code) && !this.hasSaidWhy) world.tally.error(`close_${code}`);
    this.hasSaidWhy = false;
    if (this.hasSaidHello && reconnectAfter(code) !== 'never') this.doubtUntilMs = nowMs() + DOUBT_MS;
    this.hasSaidHello = false;
    if (state === 'here') this.isGone('lost');
    if (reconnectAfter(code) === 'never') this.over();
    else if (this.ended) this.giveUp();
    else this.comeBack(code, state === 'connecting' ? attempt : undefined);
  }

  /** @param attempt that failed: the next counts from when that was due. */
  private comeBack(code: number, attempt: Asked | undefined): void {
    this.state = 'lost';
    const wait = waitMs(code, this.attempts++);
    const dueMs = nowMs() + wait;
    this.returning = setTimeout(() => this.connect(attempt ?? { name: 'resume', dueMs, isStorm: false }), wait);
  }

  private over(): void {
    this.state = 'away';
    this.resumeToken = undefined;
    this.attempts = 0;
    this.goOn();
  }

  private giveUp(): void {
    this.abandon();
    this.ended?.(false);
  }

  private goOn(): void {
    if (this.ended) {
      this.goOnLeaving();
      return;
    }
    for (const { step, dueMs } of this.waiting.splice(0)) this.do(step, dueMs);
  }
}
