/**
 * One player's socket: its state, and what each message does to its session. Knows no transport library and no store
 * but by their interfaces; timers and the life of the node are in gateway.ts and node.ts.
 */
import { randomUUID } from 'node:crypto';
import {
  type Attributes,
  type InboxMessage,
  type OpenRequest,
  type OpenResult,
  type PresenceStore,
  StoreError,
} from '../presence-core/index.ts';
import { decode } from './decode.ts';
import type { NodeLife } from './node.ts';
import { CLOSE_CODES, type CloseName } from './protocol/close-codes.ts';
import type { ClientMessage, Hello, ServerMessage, Update } from './protocol/messages.ts';
import { PROBLEMS, type ProblemCode } from './protocol/problems.ts';
import { issueResumeToken, readResumeToken } from './resume-token.ts';
import type { TransportSocket } from './transport/transport.ts';

/** Messages that may wait while an earlier one is at the store. */
const MAX_WAITING = 32;

/** The part of a logger that is needed here; pino's fits. */
export interface Log {
  debug(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** What all connections of a gateway share. */
export interface ConnectionContext {
  readonly store: PresenceStore;
  readonly node: NodeLife;
  readonly log: Log;
  readonly sessionLeaseMs: number;
  readonly resumeGraceMs: number;
  readonly pingIntervalMs: number;
  readonly onLimit: 'reject' | 'evict-oldest';
  readonly outagePolicy: 'open' | 'closed';
}

/** What a socket holds; enough to open it again when the store forgot it (P10). */
export interface HeldSession {
  readonly userId: string;
  readonly sessionId: string;
  attributes: Attributes;
  startedAt: number;
  /** Let in unchecked while the store was away. */
  degraded: boolean;
}

type Phase = 'greeting' | 'live' | 'observing' | 'closed';

export class Connection {
  readonly socket: TransportSocket;
  /** Present while live. */
  session: HeldSession | undefined;
  awaitingPong = false;
  pingSlot = 0;
  renewSlot = 0;
  private phase: Phase = 'greeting';
  private working = false;
  private waiting: (string | undefined)[] | undefined;
  private readonly context: ConnectionContext;

  constructor(socket: TransportSocket, context: ConnectionContext) {
    this.socket = socket;
    this.context = context;
  }

  get greeted(): boolean {
    return this.phase !== 'greeting';
  }

  /** Messages of one socket are worked off one by one, in order. */
  receive(text: string | undefined): void {
    if (this.phase === 'closed') return;
    if (!this.working) {
      void this.work(text);
      return;
    }
    this.waiting ??= [];
    if (this.waiting.length >= MAX_WAITING) {
      this.fail('rate_limited', 'too many messages wait for an answer', 'rate_limited');
      return;
    }
    this.waiting.push(text);
  }

  /** The socket is gone: its session is left to the resume grace, unless it was ended before (P8). */
  closed(): void {
    this.phase = 'closed';
    this.waiting = undefined;
    this.letGo();
  }

  /** The store says that this socket no longer holds its session (P5, P7). */
  displaced(reason: InboxMessage['reason'], by?: InboxMessage['by']): void {
    if (this.phase === 'closed') return;
    this.session = undefined;
    if (reason === 'evicted' || reason === 'replaced' || reason === 'kicked') {
      this.send({ type: 'evicted', reason, ...(by && { by }) });
      this.end(reason);
    } else if (reason === 'moved') {
      this.send({ type: 'evicted', reason: 'replaced' });
      this.end('replaced');
    } else {
      this.end('normal');
    }
  }

  /**
   * Opens the session again, as the node lost its lease or the store forgot it (P9, P10).
   * @param intent `resume` goes through admission, `restore` does not unless the session was never admitted.
   * @returns false when the store did not answer, or knows this node no longer: to be tried again.
   */
  async reopen(intent: 'resume' | 'restore'): Promise<boolean> {
    const { session } = this;
    if (!session) return true;
    const admitted = !session.degraded;
    const result = await this.openSession(session, admitted ? intent : 'resume', session.startedAt);
    if (result === 'retry' || result.outcome === 'fenced') return false;
    if (this.session !== session) {
      if (result.outcome === 'opened' || result.outcome === 'renewed')
        this.context.node.detach(session, this.socket.id);
      return true;
    }
    if (result.outcome === 'refused') this.refused(result);
    else if (result.outcome === 'ended') this.displaced(result.reason);
    else this.admitted(session, result);
    return true;
  }

  /** Ends the socket. Its session, if any, is then left to the grace. */
  end(name: CloseName): void {
    if (this.phase === 'closed') return;
    this.letGo();
    this.phase = 'closed';
    this.waiting = undefined;
    this.socket.close(CLOSE_CODES[name].code, name);
  }

  send(message: ServerMessage): void {
    // A socket that takes nothing more is beyond its buffer; the pong deadline ends it.
    this.socket.send(JSON.stringify(message));
  }

  private letGo(): void {
    const { session } = this;
    this.session = undefined;
    if (session && !session.degraded) this.context.node.detach(session, this.socket.id);
  }

  private async work(text: string | undefined): Promise<void> {
    this.working = true;
    try {
      for (let next: { text: string | undefined } | undefined = { text }; next; next = this.nextWaiting()) {
        await this.handle(next.text);
      }
    } finally {
      this.working = false;
    }
  }

  private nextWaiting(): { text: string | undefined } | undefined {
    return this.waiting && this.waiting.length > 0 ? { text: this.waiting.shift() } : undefined;
  }

  private async handle(text: string | undefined): Promise<void> {
    const decoded = decode(text);
    if (!decoded.ok) {
      const fatal = decoded.fatal || !this.greeted;
      const detail = decoded.errors.map((e) => `${e.path || '/'} ${e.message}`).join('; ');
      this.problem('invalid_request', detail, decoded.id, { errors: decoded.errors });
      if (fatal) this.end('bad_request');
      return;
    }
    const { message } = decoded;
    if (!this.greeted && message.type !== 'hello') {
      this.fail('invalid_request', 'the first message must be hello', 'bad_request', message.id);
      return;
    }
    try {
      await this.act(message);
    } catch (error) {
      if (error instanceof StoreError && error.retryable) {
        this.problem('store_unavailable', 'the store does not answer', message.id);
        if (!this.greeted) this.end('overloaded');
        return;
      }
      this.context.log.error({ err: error, type: message.type }, 'message failed');
      this.fail('internal', 'internal error', 'overloaded', message.id);
    }
  }

  private async act(message: ClientMessage): Promise<void> {
    switch (message.type) {
      case 'hello':
        return this.hello(message);
      case 'update':
        return this.update(message);
      case 'heartbeat':
        return this.heartbeat(message.id);
      case 'leave':
        return this.leave();
    }
  }

  private async hello(message: Hello): Promise<void> {
    if (this.greeted) {
      this.problem('invalid_request', 'hello was already said', message.id);
      return;
    }
    if (message.observe && message.streamId === undefined) {
      this.phase = 'observing';
      this.send({
        type: 'welcome',
        ...(message.id !== undefined && { id: message.id }),
        resumed: false,
        pingIntervalMs: this.context.pingIntervalMs,
        resumeGraceMs: this.context.resumeGraceMs,
      });
      return;
    }
    const secret = this.context.store.secret();
    const claim = message.resume && secret ? readResumeToken(secret, message.resume) : undefined;
    const userId = claim?.userId ?? message.userId;
    if (userId === undefined) {
      if (message.resume === undefined) {
        const errors = [{ path: '/userId', message: 'is required' }];
        this.problem('invalid_request', '/userId is required', message.id, { errors });
        this.end('bad_request');
      } else if (secret) {
        this.fail('unauthenticated', 'the resume token is not of this deployment', 'unauthenticated', message.id);
      } else {
        this.fail('store_unavailable', 'the resume token cannot be checked now', 'overloaded', message.id);
      }
      return;
    }
    const session: HeldSession = {
      userId,
      sessionId: claim?.sessionId ?? message.sessionId ?? randomUUID(),
      attributes: attributesOf(message),
      startedAt: Date.now(),
      degraded: false,
    };
    const result = await this.openSession(session, claim ? 'resume' : 'fresh', undefined, message.replace);
    if (result === 'retry') return this.helloWithoutStore(session, message.id);
    if (this.phase === 'closed') {
      // It left while the store worked: what was opened is left to the grace.
      if (result.outcome === 'opened' || result.outcome === 'renewed')
        this.context.node.detach(session, this.socket.id);
      return;
    }
    if (result.outcome === 'refused') return this.refused(result, message.id);
    if (result.outcome === 'ended') return this.displaced(result.reason);
    if (result.outcome === 'fenced') return this.helloWithoutStore(session, message.id);
    this.phase = 'live';
    this.session = session;
    this.admitted(session, result);
    this.context.node.hold(this);
    this.send({
      type: 'welcome',
      ...(message.id !== undefined && { id: message.id }),
      userId,
      sessionId: session.sessionId,
      resumeToken: issueResumeToken(secret, session),
      resumed: claim !== undefined && result.outcome === 'renewed' && claim.startedAt === result.startedAt,
      current: result.current,
      max: result.max,
      expiresAt: result.expiresAt,
      pingIntervalMs: this.context.pingIntervalMs,
      resumeGraceMs: this.context.resumeGraceMs,
    });
  }

  /** P10: the store does not answer. Policy `open` lets play, to be checked when it is back. */
  private helloWithoutStore(session: HeldSession, id: string | undefined): void {
    if (this.phase === 'closed') return;
    if (this.context.outagePolicy === 'closed') {
      this.fail('store_unavailable', 'the store does not answer', 'overloaded', id);
      return;
    }
    session.degraded = true;
    this.phase = 'live';
    this.session = session;
    this.context.node.hold(this);
    const secret = this.context.store.secret();
    this.send({
      type: 'welcome',
      ...(id !== undefined && { id }),
      userId: session.userId,
      sessionId: session.sessionId,
      ...(secret && { resumeToken: issueResumeToken(secret, session) }),
      resumed: false,
      pingIntervalMs: this.context.pingIntervalMs,
      resumeGraceMs: this.context.resumeGraceMs,
      degraded: true,
    });
  }

  private async update(message: Update): Promise<void> {
    const { session } = this;
    if (!session) return this.problem('invalid_request', 'this socket holds no session', message.id);
    const changed = attributesOf(message);
    session.attributes = { ...session.attributes, ...changed };
    if (!session.degraded) {
      const { userId, sessionId } = session;
      const owner = this.context.node.owner(this.socket.id);
      const result = await this.context.store.update({ userId, sessionId, owner, attributes: changed });
      if (this.session !== session) return;
      if (result.outcome === 'ended') return this.displaced(result.reason);
      if (result.outcome === 'moved') return this.displaced('moved');
      // Lost to the store, or our lease lapsed: admission decides; a fenced node first becomes a new one, at its beat.
      if (result.outcome === 'gone') await this.reopen('resume');
    }
    if (this.session === session && message.id !== undefined) this.send({ type: 'ok', id: message.id });
  }

  private async heartbeat(id: string | undefined): Promise<void> {
    const { session } = this;
    const reply = id === undefined ? {} : { id };
    if (!session) return this.problem('invalid_request', 'this socket holds no session', id);
    if (session.degraded) return this.send({ type: 'heartbeat', ...reply, degraded: true });
    const [user] = await this.context.store.sessions([session.userId]);
    const own = user?.sessions.find((s) => s.sessionId === session.sessionId);
    this.send({
      type: 'heartbeat',
      ...reply,
      current: user?.sessions.length ?? 0,
      max: user?.max ?? 0,
      ...(own && { expiresAt: own.expiresAt }),
    });
  }

  private async leave(): Promise<void> {
    const { session } = this;
    if (session && !session.degraded) {
      const { userId, sessionId } = session;
      // Not owned until it is known to be closed: on failure it is left to the grace.
      await this.context.store.close({
        userId,
        sessionId,
        owner: this.context.node.owner(this.socket.id),
        reason: 'left',
      });
    }
    this.session = undefined;
    this.end('normal');
  }

  private async openSession(
    session: HeldSession,
    intent: OpenRequest['intent'],
    startedAt?: number,
    replace?: readonly string[],
  ): Promise<OpenResult | 'retry'> {
    const { store, node, onLimit, sessionLeaseMs, log } = this.context;
    const { userId, sessionId, attributes } = session;
    try {
      const result = await store.open({
        userId,
        sessionId,
        attributes,
        owner: node.owner(this.socket.id),
        leaseMs: sessionLeaseMs,
        onLimit,
        intent,
        ...(startedAt !== undefined && { startedAt }),
        ...(replace && { replace }),
      });
      if ('displaced' in result && result.displaced.length > 0) {
        node.tell(result.displaced, {
          sessionId,
          ...(attributes.deviceType !== undefined && { deviceType: attributes.deviceType }),
        });
      }
      return result;
    } catch (error) {
      if (!(error instanceof StoreError && error.retryable)) throw error;
      log.debug({ err: error }, 'open failed');
      return 'retry';
    }
  }

  private admitted(session: HeldSession, result: { startedAt: number }): void {
    session.startedAt = result.startedAt;
    session.degraded = false;
  }

  private refused(result: Extract<OpenResult, { outcome: 'refused' }>, id?: string): void {
    this.session = undefined;
    const { current, max, conflicts, nextFreeAt } = result;
    this.problem('concurrency_limit', `${current} of ${max} streams are in use`, id, {
      current,
      max,
      conflicts: conflicts.map(({ sessionId, streamId, deviceType, startedAt }) => ({
        sessionId,
        streamId,
        deviceType,
        startedAt,
      })),
      nextFreeAt,
    });
    this.end('concurrency_limit');
  }

  private problem(code: ProblemCode, detail: string, id?: string, members: object = {}): void {
    const { status, title } = PROBLEMS[code];
    const problem = { type: 'about:blank', title, status, code, detail, ...members };
    this.send({ type: 'error', ...(id !== undefined && { id }), problem });
  }

  private fail(code: ProblemCode, detail: string, close: CloseName, id?: string): void {
    this.problem(code, detail, id);
    this.end(close);
  }
}

function attributesOf(m: Hello | Update): Attributes {
  return {
    ...(m.streamId !== undefined && { streamId: m.streamId }),
    ...('deviceId' in m && m.deviceId !== undefined && { deviceId: m.deviceId }),
    ...(m.deviceType !== undefined && { deviceType: m.deviceType }),
    ...(m.country !== undefined && { country: m.country }),
    ...(m.state !== undefined && { state: m.state }),
    ...(m.meta !== undefined && { meta: m.meta }),
  };
}
