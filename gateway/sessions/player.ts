/** What a player's messages do to its session: admission, resume, switch, leave; and what the store does to it (P4-P10). */
import { randomUUID } from 'node:crypto';
import {
  type Displaced,
  type InboxMessage,
  isRetryable,
  type OpenRequest,
  type OpenResult,
  type PresenceStore,
  type SocketOwner,
} from '../../presence-core/index.ts';
import type { Authenticator } from '../auth/authenticator.ts';
import { accessOf } from '../auth/hello-access.ts';
import type { Identity } from '../auth/identity.ts';
import type { GatewayNode, HeldPlayer } from '../node/node.ts';
import { type ProblemMembers, refusalDetail, refusalMembers } from '../problem.ts';
import type { CloseName } from '../protocol/close-codes.ts';
import type { Hello, PlayerEvent, ServerMessage, Update, Welcome } from '../protocol/messages.ts';
import type { ProblemCode } from '../protocol/problems.ts';
import { attributesOf, type HeldSession, isOpened, keep, type Opened } from './held-session.ts';
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

/** The socket, as its player needs it. */
export interface PlayerSocket {
  /** Number of the socket in this process: names the owner of its session (P7). */
  readonly id: number;
  /** False once it is closed or closing: then nothing is sent any more. */
  readonly open: boolean;
  readonly identity: Identity;
  /** Whose token it is by which this socket acts. */
  identify(identity: Identity): void;
  /** The hello was accepted. */
  accept(as: 'player' | 'observer'): void;
  send(message: ServerMessage): void;
  problem(code: ProblemCode, detail: string, id?: string, members?: ProblemMembers): void;
  /** Sends the problem, then ends the socket. */
  fail(code: ProblemCode, detail: string, close: CloseName, id?: string, members?: ProblemMembers): void;
  /** Ends the socket, and with it the player: its session, if any, is left to the grace. */
  end(name: CloseName): void;
}

type WelcomeMembers = Omit<Welcome, 'type' | 'id' | 'pingIntervalMs' | 'resumeGraceMs'>;

export class Player implements HeldPlayer {
  renewSlot = 0;
  /** Present while live. */
  session: HeldSession | undefined;
  /** While the store was asked to open it, and has not answered. */
  opening: HeldSession | undefined;
  private readonly socket: PlayerSocket;
  private readonly context: PlayerContext;

  constructor(socket: PlayerSocket, context: PlayerContext) {
    this.socket = socket;
    this.context = context;
  }

  get connection(): number {
    return this.socket.id;
  }

  async hello(message: Hello): Promise<void> {
    const { authenticator, store } = this.context;
    const secret = store.secret();
    const claim = message.resume && secret ? readResumeToken(secret, message.resume) : undefined;
    // Only the store knows whether a resume token holds: not to be taken for a lack of credentials.
    const uncheckable = message.resume !== undefined && message.token === undefined && secret === '';
    if (authenticator.required && uncheckable) return this.nameless(message, false);
    const access = await accessOf(authenticator, message, claim, Date.now());
    if (!this.socket.open) return;
    if ('denial' in access) {
      const { code, detail, close } = access.denial;
      return this.socket.fail(code, detail, close, message.id);
    }
    const { identity, resumeOnly } = access;
    this.socket.identify(identity);
    if (message.observe && message.streamId === undefined) {
      this.socket.accept('observer');
      this.welcome(message.id, { resumed: false });
      return;
    }
    const userId = identity.userId ?? claim?.userId ?? message.userId;
    if (userId === undefined) return this.nameless(message, secret !== '');
    const now = Date.now();
    const session: HeldSession = {
      owner: this.owner(),
      formerOwners: [],
      isUncertain: false,
      userId,
      sessionId: claim?.sessionId ?? message.sessionId ?? randomUUID(),
      attributes: attributesOf(message),
      startedAt: claim?.startedAt ?? now,
      segment: 0,
      segmentStartedAt: now,
      degraded: false,
    };
    const intent = resumeOnly ? 'return' : claim ? 'resume' : 'fresh';
    // Already now, as another open of the same turn may displace it before its own answer is read (P5).
    this.opening = session;
    this.context.node.track(this);
    const result = await this.open(session, intent, message.replace)
      .catch((error) => {
        this.context.node.detach(session);
        throw error;
      })
      .finally(() => {
        this.opening = undefined;
      });
    if (!this.socket.open) {
      // It left, or was displaced, while the store worked: what may have been opened is left to the grace.
      if (result === undefined || isOpened(result)) this.context.node.detach(session);
    } else if (result?.outcome === 'gone') {
      const detail = 'The session has ended: a token is required to start another.';
      this.socket.fail('unauthenticated', detail, 'unauthenticated', message.id);
    } else if (result === undefined || result.outcome === 'fenced') {
      this.withoutStore(session, message.id);
    } else if (result.outcome === 'refused') {
      this.refused(result, message.id);
    } else if (result.outcome === 'ended' || result.outcome === 'moved') {
      this.displaced('reason' in result ? result.reason : 'moved');
    } else {
      this.admitted(session, result, claim, message.id);
    }
  }

  async update(message: Update): Promise<void> {
    const { session } = this;
    if (!session) return this.socket.problem('invalid_request', 'This connection has no session.', message.id);
    const changed = attributesOf(message);
    if (changed.streamId !== undefined && changed.streamId !== session.attributes.streamId) {
      // Counted before the answer: if that is lost, a restored session uses no number that the log has already.
      session.segment += 1;
      session.segmentStartedAt = Date.now();
    }
    session.attributes = { ...session.attributes, ...changed };
    if (!session.degraded) {
      const { userId, sessionId } = session;
      const result = await this.context.store.sessions.update({
        userId,
        sessionId,
        owner: session.owner,
        attributes: changed,
      });
      if (this.session !== session) return;
      if (result.outcome === 'ended') return this.displaced(result.reason);
      if (result.outcome === 'moved') return this.displaced('moved');
      // Lost to the store: admission decides. A fenced node opens its sessions again at its next beat.
      if (result.outcome === 'gone') await this.reopen('resume');
      if ('segment' in result) keep(session, result);
    }
    if (this.session === session && message.id !== undefined) this.socket.send({ type: 'ok', id: message.id });
  }

  async heartbeat(id: string | undefined): Promise<void> {
    const { session } = this;
    const reply = id === undefined ? {} : { id };
    if (!session) return this.socket.problem('invalid_request', 'This connection has no session.', id);
    if (session.degraded) return this.socket.send({ type: 'heartbeat', ...reply, degraded: true });
    const [user] = await this.context.store.reads.sessions([session.userId]);
    const own = user?.sessions.find((s) => s.sessionId === session.sessionId);
    this.socket.send({
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
    if (!session) return this.socket.problem('invalid_request', 'This connection has no session.', id);
    await this.context.store.analytics.count({ userId: session.userId, kind, at: Date.now() });
    if (this.session === session && id !== undefined) this.socket.send({ type: 'ok', id });
  }

  async leave(): Promise<void> {
    const { session } = this;
    if (session && !session.degraded) {
      const { userId, sessionId } = session;
      // Held until it is known to be closed: on failure it is left to the grace.
      await this.context.store.sessions.close({ userId, sessionId, owner: session.owner, reason: 'left' });
      this.session = undefined;
    }
    this.socket.end('normal');
  }

  /** Leaves the session, if any, to the resume grace (P8). */
  release(): void {
    const { session } = this;
    this.session = undefined;
    this.context.node.untrack(this);
    // Also one that was let in unchecked: the store may have opened it.
    if (session) this.context.node.detach(session);
  }

  /** The store says that this socket no longer holds its session (P5, P7). */
  displaced(reason: InboxMessage['reason'], by?: InboxMessage['by']): void {
    if (!this.socket.open) return;
    this.session = undefined;
    this.opening = undefined;
    if (reason === 'evicted' || reason === 'replaced' || reason === 'kicked') {
      this.socket.send({ type: 'evicted', reason, ...(by && { by }) });
      this.socket.end(reason);
    } else if (reason === 'moved') {
      this.socket.send({ type: 'evicted', reason: 'replaced' });
      this.socket.end('replaced');
    } else {
      this.socket.end('normal');
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
    // One that was let in unchecked is as new as a hello: it takes the session over.
    const isNoted = session.formerOwners.some(({ nodeId }) => nodeId === session.owner.nodeId);
    if (!session.degraded && !isNoted) session.formerOwners.push(session.owner);
    const result = await this.open(session, session.degraded ? 'resume' : intent);
    if (this.session !== session) {
      if (result === undefined || isOpened(result)) this.context.node.detach(session);
      return true;
    }
    if (result === undefined || result.outcome === 'fenced' || result.outcome === 'gone') return false;
    if (result.outcome === 'refused') {
      this.refused(result);
    } else if (result.outcome === 'ended' || result.outcome === 'moved') {
      this.displaced('reason' in result ? result.reason : 'moved');
    } else {
      keep(session, result);
      session.formerOwners = [];
      session.degraded = false;
    }
    return true;
  }

  private admitted(session: HeldSession, result: Opened, claim: ResumeClaim | undefined, id: string | undefined): void {
    keep(session, result);
    this.hold(session);
    if (session.owner.nodeId !== this.context.node.nodeId) this.context.node.reopen(this);
    const resumed = claim?.startedAt === result.startedAt && result.outcome === 'renewed';
    const { current, max, expiresAt } = result;
    this.welcome(id, { ...this.identity(session), resumed, current, max, expiresAt });
  }

  /** P10: the store does not answer. Policy `open` lets play, to be checked when it is back. */
  private withoutStore(session: HeldSession, id: string | undefined): void {
    if (this.context.outagePolicy === 'closed') {
      this.socket.fail('store_unavailable', 'The store did not answer: try again.', 'overloaded', id);
      if (session.isUncertain) this.context.node.detach(session);
      return;
    }
    session.degraded = true;
    this.hold(session);
    this.welcome(id, { ...this.identity(session), resumed: false, degraded: true });
  }

  resumeToken(session: HeldSession | undefined = this.session): { resumeToken?: string } {
    const secret = this.context.store.secret();
    if (!session || !secret) return {};
    const { identity } = this.socket;
    return {
      resumeToken: issueResumeToken(secret, this.context.authenticator.required ? { ...session, identity } : session),
    };
  }

  private hold(session: HeldSession): void {
    this.session = session;
    this.socket.accept('player');
  }

  private identity(session: HeldSession): { userId: string; sessionId: string; resumeToken?: string } {
    const { userId, sessionId } = session;
    return { userId, sessionId, ...this.resumeToken(session) };
  }

  private welcome(id: string | undefined, members: WelcomeMembers): void {
    const { pingIntervalMs, resumeGraceMs } = this.context;
    this.socket.send({
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
      this.socket.fail('invalid_request', '/userId is required', 'bad_request', id, { errors });
    } else if (canCheck) {
      this.socket.fail('unauthenticated', 'The resume token is of another deployment.', 'unauthenticated', id);
    } else {
      this.socket.fail('store_unavailable', 'The resume token cannot be checked now: try again.', 'overloaded', id);
    }
  }

  private refused(result: Extract<OpenResult, { outcome: 'refused' }>, id?: string): void {
    this.session = undefined;
    this.socket.fail('concurrency_limit', refusalDetail(result), 'concurrency_limit', id, refusalMembers(result));
  }

  /** This socket itself, under an id that its node had before. */
  private isOwnFormer({ owner }: Displaced): boolean {
    if (typeof owner === 'string' || owner.connection !== this.connection) return false;
    return this.context.node.isOwn(owner.nodeId);
  }

  private owner(): SocketOwner {
    return this.context.node.owner(this.connection);
  }

  /** @returns undefined when the store does not answer. */
  private async open(
    session: HeldSession,
    intent: OpenRequest['intent'],
    replace?: readonly string[],
  ): Promise<OpenResult | undefined> {
    const { store, node, onLimit, sessionLeaseMs } = this.context;
    const { userId, sessionId, attributes, startedAt, segment, segmentStartedAt } = session;
    const { identity } = this.socket;
    session.owner = this.owner();
    try {
      const result = await store.sessions.open({
        userId,
        sessionId,
        attributes,
        owner: session.owner,
        leaseMs: sessionLeaseMs,
        onLimit: identity.onLimit ?? onLimit,
        intent,
        ...(identity.limit !== undefined && { limit: identity.limit }),
        ...(intent === 'restore' && { startedAt, segment, segmentStartedAt }),
        // A token of an earlier session under the same id takes nothing over.
        ...(intent === 'return' && { startedAt }),
        ...(replace && { replace }),
        ...(session.formerOwners.length > 0 && { formerOwners: session.formerOwners }),
      });
      session.isUncertain = false;
      const displaced = 'displaced' in result ? result.displaced.filter((each) => !this.isOwnFormer(each)) : [];
      if (displaced.length > 0) {
        const { deviceType } = attributes;
        node.notify(displaced, { sessionId, ...(deviceType !== undefined && { deviceType }) });
      }
      return result;
    } catch (error) {
      session.isUncertain = true;
      if (isRetryable(error)) return undefined;
      throw error;
    }
  }
}
