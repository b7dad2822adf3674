/**
 * A player's socket: its messages and what the store says become events of its session's life, and what those lead to is
 * done here (P4-P10). What follows from what is in life-step.ts.
 */
import { randomUUID } from 'node:crypto';
import {
  CLOCK_SLACK_MS,
  type Displaced,
  helloGapMs,
  type InboxMessage,
  isOfFormerTime,
  isOutage,
  isOverload,
  type Miss,
  type OpenRequest,
  type OpenResult,
  type PresenceStore,
  type SocketOwner,
} from '../../presence-core/index.ts';
import type { Authenticator } from '../auth/authenticator.ts';
import { accessOf } from '../auth/hello-access.ts';
import type { ReopenIntent } from '../node/held-player.ts';
import type { GatewayNode, HeldPlayer } from '../node/node.ts';
import type { Hello, MessageId, PlayerEvent, Update, Welcome } from '../protocol/messages.ts';
import { attributesOf, type Draft, type HeldSession } from './held-session.ts';
import { type Ask, type Effect, isDue, isSame, type Life, type LifeEvent, NONE, ownersOf, sessionOf } from './life.ts';
import { step } from './life-step.ts';
import type { PlayerSocket } from './player-socket.ts';
import { deny, evict, nameless, overtaken, refuse, unavailable } from './replies.ts';
import { issueResumeToken, readResumeToken } from './resume-token.ts';

export interface PlayerContext {
  readonly store: PresenceStore;
  readonly node: GatewayNode;
  readonly authenticator: Authenticator;
  readonly sessionLeaseMs: number;
  readonly resumeGraceMs: number;
  readonly pingIntervalMs: number;
  /** 0: a player may be silent for ever. */
  readonly silenceTimeoutMs: number;
  readonly onLimit: 'reject' | 'evict-oldest';
  readonly outagePolicy: 'open' | 'closed';
  /** W8. */
  readonly deviceTakeover: 'on' | 'off';
}

/** A hello that was received so long ago came not just now: its player may have said another one elsewhere. */
const LATE_MS = 500;

/** Of a token that is renewed while the store is away: so many starts it may name. */
const CLAIMED_MAX = 3;

export class Player implements HeldPlayer {
  renewSlot = 0;
  /** Of its hello (P7). */
  connection = 0;
  private life: Life = NONE;
  private readonly socket: PlayerSocket;
  private readonly context: PlayerContext;

  constructor(socket: PlayerSocket, context: PlayerContext) {
    this.socket = socket;
    this.context = context;
  }

  get session(): HeldSession | undefined {
    return sessionOf(this.life);
  }

  get owner(): SocketOwner | undefined {
    return this.life.state === 'held' ? this.life.owner : undefined;
  }

  get isDue(): boolean {
    return isDue(this.life);
  }

  get isUnchecked(): boolean {
    return this.life.state === 'unchecked';
  }

  async hello(message: Hello): Promise<void> {
    const { authenticator, store, node, outagePolicy } = this.context;
    const isBlind = node.isWithoutClock;
    const { connection, receivedAt } = node.nextConnection();
    this.connection = connection;
    const isHeldUp = performance.now() - receivedAt > LATE_MS;
    const secret = store.secret();
    const claim = message.resume && secret ? readResumeToken(secret, message.resume) : undefined;
    // Only the store knows whether a resume token holds: not to be taken for a lack of credentials.
    const uncheckable = message.resume !== undefined && message.token === undefined && secret === '';
    if (authenticator.required && uncheckable) return nameless(this.socket, message, false);
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
      this.socket.send(this.welcomeOf(message.id, false));
      return;
    }
    const userId = identity.userId ?? claim?.userId ?? message.userId;
    if (userId === undefined) return nameless(this.socket, message, secret !== '');
    // By the store's clock connections are numbered and sessions begin (P2); an admission waits for this anyway.
    if (isBlind) {
      await node.restored();
      this.connection = node.nextConnection().connection;
    }
    const takenUpAt = performance.now();
    // Sockets may hold slots of this user that the store does not have yet: those go first (P10).
    if (node.isSuspect) await node.check();
    if (node.isRestoring) await node.restored();
    if (!this.socket.open) return;
    const intent = resumeOnly ? 'return' : claim ? 'resume' : 'fresh';
    // So that also of an open that runs late it is known when the session began.
    const at = Math.floor(node.storeNow()) - Math.floor(performance.now() - takenUpAt);
    const session: Draft<HeldSession> = {
      userId,
      sessionId: claim?.sessionId ?? message.sessionId ?? randomUUID(),
      attributes: attributesOf(message),
      startedAt: at,
      segment: 0,
      segmentStartedAt: at,
    };
    if (claim) session.orStartedAt = [claim.startedAt, ...(claim.orStartedAt ?? [])].slice(0, CLAIMED_MAX);
    // Already now, as another open of the same turn may displace it before its own answer is read (P5).
    node.track(this);
    const owner = node.owner(this.connection);
    const isLate = performance.now() - receivedAt > LATE_MS;
    const isOwnId = claim === undefined && message.sessionId === undefined;
    const event = { type: 'hello', session, owner, intent, outagePolicy, isLate, isHeldUp, isOwnId } as const;
    await this.ask(event, message.id, message.replace);
  }

  async update(message: Update): Promise<void> {
    const { session } = this;
    if (!session) return this.socket.problem('invalid_request', 'This connection has no session.', message.id);
    const attributes = attributesOf(message);
    this.apply({ type: 'changed', attributes, at: Math.floor(this.context.node.storeNow()) });
    // What is to be opened (again) takes them along then.
    const { owner } = this;
    if (owner) {
      const { userId, sessionId } = session;
      const result = await this.context.store.sessions.update({ userId, sessionId, owner, attributes });
      if ('segment' in result) this.apply({ type: 'updated', owner, answer: result });
      else this.missed(owner, result);
    }
    if (this.session && message.id !== undefined) this.socket.send({ type: 'ok', id: message.id });
  }

  async heartbeat(id: MessageId | undefined): Promise<void> {
    const { session } = this;
    const reply = id === undefined ? {} : { id };
    if (!session) return this.socket.problem('invalid_request', 'This connection has no session.', id);
    if (this.life.state === 'unchecked') return this.socket.send({ type: 'heartbeat', ...reply, degraded: true });
    const { node, store } = this.context;
    const wasUnsure = node.isUnsure;
    const [user] = await store.reads.sessions([session.userId]);
    const own = user?.sessions.find((s) => s.sessionId === session.sessionId);
    this.socket.send({
      type: 'heartbeat',
      ...reply,
      ...((wasUnsure || node.isUnsure) && { degraded: true }),
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
    if (this.session && id !== undefined) this.socket.send({ type: 'ok', id });
  }

  async leave(): Promise<void> {
    const { session } = this;
    const closed: SocketOwner[] = [];
    // One that was let in unchecked does not wait for the store. Meanwhile another open of it may have been answered.
    const next = (): SocketOwner | undefined =>
      this.life.state === 'unchecked' ? undefined : ownersOf(this.life).find((o) => !closed.some((c) => isSame(c, o)));
    // Held until it is known to be closed.
    for (let owner = next(); session && owner; owner = next()) {
      try {
        await this.close(session, owner);
      } catch (error) {
        // It may be closed all the same: opened again, it is answered `ended` then, and so is the socket (P8).
        if (!isOverload(error)) this.lost('resume');
        throw error;
      }
      closed.push(owner);
    }
    this.apply({ type: 'left' });
    this.socket.end('normal');
  }

  /** The socket is gone: its session, if any, is left to the resume grace (P8). */
  release(): void {
    this.context.node.untrack(this);
    this.apply({ type: 'closed' });
  }

  displaced(reason: InboxMessage['reason'], by?: InboxMessage['by']): void {
    const taker = takerOf(by?.connection, this.connection, this.context.node.storeNow());
    this.apply({ type: 'told', reason, ...(by && { by }), ...(taker && { taker }) });
  }

  missed(owner: SocketOwner, miss: Miss): void {
    this.apply({ type: 'missed', owner, miss });
  }

  lost(intent: ReopenIntent): void {
    this.apply({ type: 'lost', intent });
  }

  redated(byMs: number): void {
    this.apply({ type: 'redated', byMs });
  }

  reopen(): Promise<void> {
    return this.ask({ type: 'turn', owner: this.context.node.owner(this.connection) });
  }

  resumeToken(session: HeldSession | undefined = this.session): { resumeToken?: string } {
    const secret = this.context.store.secret();
    if (!session || !secret) return {};
    const { identity } = this.socket;
    return {
      resumeToken: issueResumeToken(secret, this.context.authenticator.required ? { ...session, identity } : session),
    };
  }

  /** Asks the store what the event says, and applies its answer. */
  private async ask(event: LifeEvent, id?: MessageId, replace?: readonly string[]): Promise<void> {
    for (let ask = this.apply(event); ask; ) {
      let result: OpenResult;
      try {
        result = await this.open(ask, replace);
      } catch (error) {
        const isFault = !isOutage(error);
        this.apply({ type: 'unanswered', isFault, isUnsent: isOverload(error) }, id);
        if (isFault) throw error;
        return;
      }
      // The node has no lease there: it may have forgotten. The next beat would find out.
      if (result.outcome === 'fenced') void this.context.node.check();
      // A store that went back speaks of what was before this socket (P10): then that is no answer.
      const isLost = event.type === 'turn' && (result.outcome === 'moved' || result.outcome === 'ended');
      if (isLost && !(await this.context.node.isUpheld())) {
        this.apply({ type: 'unanswered', isFault: false });
        return;
      }
      ask = this.apply({ type: 'answered', result }, id);
    }
  }

  /** @param id of the message to which the effects reply. */
  private apply(event: LifeEvent, id?: MessageId): Ask | undefined {
    const sessionId = this.session?.sessionId;
    const { life, effects, ask } = step(this.life, event);
    // Before the effects: one that ends the socket comes back here.
    this.life = life;
    for (const effect of effects) this.perform(effect, sessionId, id);
    return ask;
  }

  private perform(effect: Effect, sessionId: string | undefined, id: MessageId | undefined): void {
    const { node } = this.context;
    switch (effect.do) {
      case 'welcome': {
        this.socket.accept('player');
        const { session, resumed, answer } = effect;
        const welcome = this.welcomeOf(id, resumed);
        welcome.userId = session.userId;
        welcome.sessionId = session.sessionId;
        const { resumeToken } = this.resumeToken(session);
        if (resumeToken !== undefined) welcome.resumeToken = resumeToken;
        if (answer) {
          welcome.current = answer.current;
          welcome.max = answer.max;
          welcome.expiresAt = answer.expiresAt;
        }
        // Others may have been admitted before, of whom the store forgot.
        if (!answer || node.isReturning) welcome.degraded = true;
        this.socket.send(welcome);
        break;
      }
      case 'refuse':
        refuse(this.socket, effect.refusal, id);
        break;
      case 'deny':
        deny(this.socket, id);
        break;
      case 'unavailable':
        unavailable(this.socket, id);
        break;
      case 'overtaken':
        overtaken(this.socket, id);
        break;
      case 'evict':
        evict(this.socket, sessionId, effect.reason, effect.by);
        break;
      case 'detach': {
        const { session, owner, isUncertain, isUntold = false } = effect;
        node.detach({ userId: session.userId, sessionId: session.sessionId, owner, isUncertain, isUntold });
        break;
      }
      case 'close': {
        const { session, owner } = effect;
        // Without an answer it is left to the grace.
        this.close(session, owner).catch(() => node.detach({ ...session, owner, isUncertain: true }));
        break;
      }
      case 'queue':
        node.reopen(this);
        break;
      default:
        // An effect without a case does not compile.
        effect satisfies never;
    }
  }

  private welcomeOf(id: MessageId | undefined, resumed: boolean): Welcome {
    const { pingIntervalMs, resumeGraceMs, silenceTimeoutMs } = this.context;
    const welcome: Welcome = { type: 'welcome', resumed, pingIntervalMs, resumeGraceMs };
    if (id !== undefined) welcome.id = id;
    if (silenceTimeoutMs > 0) welcome.silenceTimeoutMs = silenceTimeoutMs;
    return welcome;
  }

  private async close({ userId, sessionId }: HeldSession, owner: SocketOwner): Promise<void> {
    await this.context.store.sessions.close({ userId, sessionId, owner, reason: 'left' });
  }

  /** Its session may have been admitted before the store forgot it in its grace (P10). */
  private mayReturn({ intent }: Ask): boolean {
    const { node, outagePolicy } = this.context;
    return (intent === 'resume' || intent === 'return') && outagePolicy === 'open' && node.isReturning;
  }

  /** This socket itself, under an id that its node had before. */
  private isOwnFormer({ owner }: Displaced): boolean {
    if (typeof owner === 'string' || owner.connection !== this.connection) return false;
    return this.context.node.isOwn(owner.nodeId);
  }

  private async open(ask: Ask, replace?: readonly string[], onLimit = this.firstPolicy(ask)): Promise<OpenResult> {
    const { session, owner, socketWas, goesOn } = ask;
    const { store, node, sessionLeaseMs } = this.context;
    const returns = this.mayReturn(ask);
    // Its token is signed: it was admitted, and may be taken back though there is nothing left to take.
    const intent = returns ? 'resume' : ask.intent;
    const { userId, sessionId, attributes } = session;
    const { identity } = this.socket;
    const request: Draft<OpenRequest> = {
      userId,
      sessionId,
      attributes,
      owner,
      leaseMs: sessionLeaseMs,
      onLimit,
      intent,
    };
    if (identity.limit !== undefined) request.limit = identity.limit;
    if (intent === 'return') Object.assign(request, claimOf(session));
    else {
      request.startedAt = session.startedAt;
      if (goesOn) {
        request.segment = session.segment;
        request.segmentStartedAt = session.segmentStartedAt;
      }
    }
    if (replace) request.replace = replace;
    if (socketWas) request.socketWas = socketWas;
    if (returns) request.returns = returns;
    const result = await store.sessions.open(request);
    const displaced = 'displaced' in result ? result.displaced.filter((each) => !this.isOwnFormer(each)) : [];
    if (displaced.length > 0) {
      const { deviceType } = attributes;
      const { connection } = this;
      node.notify(displaced, { sessionId, ...(deviceType !== undefined && { deviceType }), connection });
    }
    if (result.outcome !== 'refused' || !this.mayTakeOver(ask)) return result;
    const lost = lostOfDevice(ask, result);
    if (lost !== undefined && !replace?.includes(lost)) return this.open(ask, [lost], this.policy);
    return onLimit === this.policy ? result : this.open(ask, replace, this.policy);
  }

  private get policy(): 'reject' | 'evict-oldest' {
    return this.socket.identity.onLimit ?? this.context.onLimit;
  }

  /** Nobody else is evicted before a lost session of the same device. */
  private firstPolicy(ask: Ask): 'reject' | 'evict-oldest' {
    return this.mayTakeOver(ask) ? 'reject' : this.policy;
  }

  private mayTakeOver({ session, intent }: Ask): boolean {
    return this.context.deviceTakeover === 'on' && intent === 'fresh' && session.attributes.deviceId !== undefined;
  }
}

/** A session of the same device that refuses this hello and whose connection was lost: the page was loaded anew, or the app (W8). */
function lostOfDevice(
  { session }: Ask,
  { conflicts }: Extract<OpenResult, { outcome: 'refused' }>,
): string | undefined {
  const { deviceId } = session.attributes;
  return conflicts.find((conflict) => conflict.detached && conflict.deviceId === deviceId)?.sessionId;
}

/** Of one that may only return. A token of an earlier session under the same id takes nothing over. */
function claimOf({ orStartedAt = [] }: HeldSession): Pick<OpenRequest, 'startedAt' | 'orStartedAt'> {
  const [startedAt, ...others] = orStartedAt;
  return { ...(startedAt !== undefined && { startedAt }), orStartedAt: others };
}

/** What a socket that took a session over is to the one that held it, by the numbers of their connections (P7). */
function takerOf(taker: number | undefined, own: number, now: number): 'older' | 'twin' | undefined {
  if (taker === own) return 'twin';
  if (taker === undefined || isOfFormerTime(own, now)) return undefined;
  return helloGapMs(own, taker) > CLOCK_SLACK_MS ? 'older' : undefined;
}
