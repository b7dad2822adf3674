/** What a player's messages do to its session: admission, resume, switch, leave; and what the store does to it (P4-P10). */
import { randomUUID } from 'node:crypto';
import {
  type Attributes,
  type InboxMessage,
  type OpenRequest,
  type OpenResult,
  type PresenceStore,
  StoreError,
} from '../../presence-core/index.ts';
import type { Authenticator } from '../auth/authenticator.ts';
import { accessOf } from '../auth/hello-access.ts';
import type { GatewayNode } from '../node/node.ts';
import { refusalDetail, refusalMembers } from '../problem.ts';
import type { Hello, PlayerEvent, Update, Welcome } from '../protocol/messages.ts';
import type { Connection } from './connection.ts';
import { issueResumeToken, type ResumeClaim, readResumeToken } from './resume-token.ts';

export interface PlayerContext {
  readonly store: PresenceStore;
  readonly node: GatewayNode;
  readonly authenticator: Authenticator;
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
  /** As in the log's `Change`. */
  segment: number;
  segmentStartedAt: number;
  /** Let in unchecked while the store was away. */
  degraded: boolean;
}

type WelcomeMembers = Omit<Welcome, 'type' | 'id' | 'pingIntervalMs' | 'resumeGraceMs'>;
type Opened = Extract<OpenResult, { outcome: 'opened' | 'renewed' | 'held' }>;

export class Player {
  /** Present while live. */
  session: HeldSession | undefined;
  private readonly connection: Connection;
  private readonly context: PlayerContext;

  constructor(connection: Connection, context: PlayerContext) {
    this.connection = connection;
    this.context = context;
  }

  async hello(message: Hello): Promise<void> {
    const { authenticator, store } = this.context;
    const secret = store.secret();
    const claim = message.resume && secret ? readResumeToken(secret, message.resume) : undefined;
    // Only the store knows whether a resume token holds: not to be taken for a lack of credentials.
    const uncheckable = message.resume !== undefined && message.token === undefined && secret === '';
    if (authenticator.required && uncheckable) return this.nameless(message, false);
    const access = await accessOf(authenticator, message, claim, Date.now());
    if (!this.connection.open) return;
    if ('denial' in access) {
      const { code, detail, close } = access.denial;
      return this.connection.fail(code, detail, close, message.id);
    }
    const { identity, resumeOnly } = access;
    this.connection.identify(identity);
    if (message.observe && message.streamId === undefined) {
      this.connection.greet('observing');
      this.welcome(message.id, { resumed: false });
      return;
    }
    const userId = identity.userId ?? claim?.userId ?? message.userId;
    if (userId === undefined) return this.nameless(message, secret !== '');
    const now = Date.now();
    const session: HeldSession = {
      userId,
      sessionId: claim?.sessionId ?? message.sessionId ?? randomUUID(),
      attributes: attributesOf(message),
      startedAt: now,
      segment: 0,
      segmentStartedAt: now,
      degraded: false,
    };
    const intent = resumeOnly ? 'return' : claim ? 'resume' : 'fresh';
    const result = await this.open(session, intent, message.replace);
    if (!this.connection.open) {
      // It left while the store worked: what was opened is left to the grace.
      if (isOpened(result)) this.context.node.detach(session, this.connection.socket.id);
    } else if (result?.outcome === 'gone') {
      const detail = 'The session has ended: a token is required to start another.';
      this.connection.fail('unauthenticated', detail, 'unauthenticated', message.id);
    } else if (result === undefined || result.outcome === 'fenced') {
      this.withoutStore(session, message.id);
    } else if (result.outcome === 'refused') {
      this.refused(result, message.id);
    } else if (result.outcome === 'ended') {
      this.displaced(result.reason);
    } else {
      this.admitted(session, result, claim, message.id);
    }
  }

  async update(message: Update): Promise<void> {
    const { session } = this;
    if (!session) return this.connection.problem('invalid_request', 'This connection has no session.', message.id);
    const changed = attributesOf(message);
    if (changed.streamId !== undefined && changed.streamId !== session.attributes.streamId) {
      // Until the store tells: if its answer is lost, what is restored takes no number that is used in the log.
      session.segment += 1;
      session.segmentStartedAt = Date.now();
    }
    session.attributes = { ...session.attributes, ...changed };
    if (!session.degraded) {
      const { userId, sessionId } = session;
      const result = await this.context.store.sessions.update({
        userId,
        sessionId,
        owner: this.owner(),
        attributes: changed,
      });
      if (this.session !== session) return;
      if (result.outcome === 'ended') return this.displaced(result.reason);
      if (result.outcome === 'moved') return this.displaced('moved');
      // Lost to the store: admission decides. A fenced node opens its sessions again at its next beat.
      if (result.outcome === 'gone') await this.reopen('resume');
      if ('segment' in result) keep(session, result);
    }
    if (this.session === session && message.id !== undefined) this.connection.send({ type: 'ok', id: message.id });
  }

  async heartbeat(id: string | undefined): Promise<void> {
    const { session } = this;
    const reply = id === undefined ? {} : { id };
    if (!session) return this.connection.problem('invalid_request', 'This connection has no session.', id);
    if (session.degraded) return this.connection.send({ type: 'heartbeat', ...reply, degraded: true });
    const [user] = await this.context.store.reads.sessions([session.userId]);
    const own = user?.sessions.find((s) => s.sessionId === session.sessionId);
    this.connection.send({
      type: 'heartbeat',
      ...reply,
      current: user?.sessions.length ?? 0,
      max: user?.max ?? 0,
      ...(own && { expiresAt: own.expiresAt }),
    });
  }

  /** Counted by this node's clock. */
  async event({ event: kind, id }: PlayerEvent): Promise<void> {
    const { session } = this;
    if (!session) return this.connection.problem('invalid_request', 'This connection has no session.', id);
    await this.context.store.analytics.count({ userId: session.userId, kind, at: Date.now() });
    if (this.session === session && id !== undefined) this.connection.send({ type: 'ok', id });
  }

  async leave(): Promise<void> {
    const { session } = this;
    if (session && !session.degraded) {
      const { userId, sessionId } = session;
      // Held until it is known to be closed: on failure it is left to the grace.
      await this.context.store.sessions.close({ userId, sessionId, owner: this.owner(), reason: 'left' });
    }
    this.session = undefined;
    this.connection.end('normal');
  }

  /** Leaves the session to the resume grace. */
  release(): void {
    const { session } = this;
    this.session = undefined;
    if (session && !session.degraded) this.context.node.detach(session, this.connection.socket.id);
  }

  /** The store says that this socket no longer holds its session (P5, P7). */
  displaced(reason: InboxMessage['reason'], by?: InboxMessage['by']): void {
    if (!this.connection.open) return;
    this.session = undefined;
    if (reason === 'evicted' || reason === 'replaced' || reason === 'kicked') {
      this.connection.send({ type: 'evicted', reason, ...(by && { by }) });
      this.connection.end(reason);
    } else if (reason === 'moved') {
      this.connection.send({ type: 'evicted', reason: 'replaced' });
      this.connection.end('replaced');
    } else {
      this.connection.end('normal');
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
    const result = await this.open(session, session.degraded ? 'resume' : intent);
    if (result === undefined || result.outcome === 'fenced' || result.outcome === 'gone') return false;
    if (this.session !== session) {
      if (isOpened(result)) this.context.node.detach(session, this.connection.socket.id);
    } else if (result.outcome === 'refused') {
      this.refused(result);
    } else if (result.outcome === 'ended') {
      this.displaced(result.reason);
    } else {
      keep(session, result);
      session.degraded = false;
    }
    return true;
  }

  private admitted(session: HeldSession, result: Opened, claim: ResumeClaim | undefined, id: string | undefined): void {
    keep(session, result);
    this.hold(session);
    const resumed = claim?.startedAt === result.startedAt && result.outcome === 'renewed';
    const { current, max, expiresAt } = result;
    this.welcome(id, { ...this.identity(session), resumed, current, max, expiresAt });
  }

  /** P10: the store does not answer. Policy `open` lets play, to be checked when it is back. */
  private withoutStore(session: HeldSession, id: string | undefined): void {
    if (this.context.outagePolicy === 'closed') {
      this.connection.fail('store_unavailable', 'The store did not answer: try again.', 'overloaded', id);
      return;
    }
    session.degraded = true;
    this.hold(session);
    this.welcome(id, { ...this.identity(session), resumed: false, degraded: true });
  }

  resumeToken(session: HeldSession | undefined = this.session): { resumeToken?: string } {
    const secret = this.context.store.secret();
    if (!session || !secret) return {};
    const { identity } = this.connection;
    return {
      resumeToken: issueResumeToken(secret, this.context.authenticator.required ? { ...session, identity } : session),
    };
  }

  private hold(session: HeldSession): void {
    this.session = session;
    this.connection.greet('live');
    this.context.node.track(this.connection);
  }

  private identity(session: HeldSession): { userId: string; sessionId: string; resumeToken?: string } {
    const { userId, sessionId } = session;
    return { userId, sessionId, ...this.resumeToken(session) };
  }

  private welcome(id: string | undefined, members: WelcomeMembers): void {
    const { pingIntervalMs, resumeGraceMs } = this.context;
    this.connection.send({
      type: 'welcome',
      ...(id !== undefined && { id }),
      ...members,
      pingIntervalMs,
      resumeGraceMs,
    });
  }

  private nameless(message: Hello, canCheck: boolean): void {
    const { id } = message;
    if (message.resume === undefined) {
      const errors = [{ path: '/userId', message: 'is required' }];
      this.connection.fail('invalid_request', '/userId is required', 'bad_request', id, { errors });
    } else if (canCheck) {
      this.connection.fail('unauthenticated', 'The resume token is of another deployment.', 'unauthenticated', id);
    } else {
      this.connection.fail('store_unavailable', 'The resume token cannot be checked now: try again.', 'overloaded', id);
    }
  }

  private refused(result: Extract<OpenResult, { outcome: 'refused' }>, id?: string): void {
    this.session = undefined;
    this.connection.fail('concurrency_limit', refusalDetail(result), 'concurrency_limit', id, refusalMembers(result));
  }

  private owner(): OpenRequest['owner'] {
    return this.context.node.owner(this.connection.socket.id);
  }

  /** @returns undefined when the store does not answer. */
  private async open(
    session: HeldSession,
    intent: OpenRequest['intent'],
    replace?: readonly string[],
  ): Promise<OpenResult | undefined> {
    const { store, node, onLimit, sessionLeaseMs } = this.context;
    const { userId, sessionId, attributes, startedAt, segment, segmentStartedAt } = session;
    const { identity } = this.connection;
    try {
      const result = await store.sessions.open({
        userId,
        sessionId,
        attributes,
        owner: this.owner(),
        leaseMs: sessionLeaseMs,
        onLimit: identity.onLimit ?? onLimit,
        intent,
        ...(identity.limit !== undefined && { limit: identity.limit }),
        ...(intent === 'restore' && { startedAt, segment, segmentStartedAt }),
        ...(replace && { replace }),
      });
      if ('displaced' in result && result.displaced.length > 0) {
        const { deviceType } = attributes;
        node.notify(result.displaced, { sessionId, ...(deviceType !== undefined && { deviceType }) });
      }
      return result;
    } catch (error) {
      if (error instanceof StoreError && error.retryable) return undefined;
      throw error;
    }
  }
}

/** What a restored session is to begin with (P10). */
function keep(
  session: HeldSession,
  told: { readonly startedAt?: number; readonly segment: number; readonly segmentStartedAt: number },
): void {
  session.startedAt = told.startedAt ?? session.startedAt;
  session.segment = told.segment;
  session.segmentStartedAt = told.segmentStartedAt;
}

function isOpened(result: OpenResult | undefined): result is Opened {
  return result?.outcome === 'opened' || result?.outcome === 'renewed';
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
