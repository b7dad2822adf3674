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
import { attributesOf, type HeldSession } from './held-session.ts';
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
  readonly onLimit: 'reject' | 'evict-oldest';
  readonly outagePolicy: 'open' | 'closed';
  /** W8. */
  readonly deviceTakeover: 'on' | 'off';
}

/** A hello that was received so long ago came not just now: its player may have said another one elsewhere. */
const LATE_MS = 500;

/** Of a token that is renewed while the store is away: so many starts it may name. */
const CLAIMED_MAX = 3;

type WelcomeMembers = Omit<Welcome, 'type' | 'id' | 'pingIntervalMs' | 'resumeGraceMs'>;

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
      this.welcome(message.id, { resumed: false });
      return;
    }
    const userId = identity.userId ?? claim?.userId ?? message.userId;
    if (userId === undefined) return nameless(this.socket, message, secret !== '');
    // So that also of an open that runs late it is known when the session began.
    const at = Math.floor(node.storeNow());
    const session: HeldSession = {
      userId,
      sessionId: claim?.sessionId ?? message.sessionId ?? randomUUID(),
      attributes: attributesOf(message),
      startedAt: at,
      ...(claim && { orStartedAt: [claim.startedAt, ...(claim.orStartedAt ?? [])].slice(0, CLAIMED_MAX) }),
      segment: 0,
      segmentStartedAt: at,
    };
    // Sockets may hold slots of this user that the store does not have yet: those go first (P10).
    if (node.isSuspect) await node.check();
    if (node.isRestoring) await node.restored();
    if (!this.socket.open) return;
    const intent = resumeOnly ? 'return' : claim ? 'resume' : 'fresh';
    // Already now, as another open of the same turn may displace it before its own answer is read (P5).
    node.track(this);
    const owner = node.owner(this.connection);
    const isLate = performance.now() - receivedAt > LATE_MS;
    const event = { type: 'hello', session, owner, intent, outagePolicy, isLate, isHeldUp } as const;
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
    // Held until it is known to be closed: on failure it is left to the grace.
    for (let owner = next(); session && owner; owner = next()) {
      await this.close(session, owner);
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
        const { userId } = session;
        const { current, max, expiresAt } = answer ?? {};
        this.welcome(id, {
          userId,
          sessionId: session.sessionId,
          ...this.resumeToken(session),
          resumed,
          ...(answer && { current, max, expiresAt }),
          // Others may have been admitted before, of whom the store forgot.
          ...((!answer || node.isReturning) && { degraded: true }),
        });
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
        const { session, owner, isUncertain } = effect;
        node.detach({ userId: session.userId, sessionId: session.sessionId, owner, isUncertain });
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

  private welcome(id: MessageId | undefined, members: WelcomeMembers): void {
    const { pingIntervalMs, resumeGraceMs } = this.context;
    const reply = id !== undefined && { id };
    this.socket.send({ type: 'welcome', ...reply, ...members, pingIntervalMs, resumeGraceMs });
  }

  private async close({ userId, sessionId }: HeldSession, owner: SocketOwner): Promise<void> {
    await this.context.store.sessions.close({ userId, sessionId, owner, reason: 'left' });
  }

  /** This socket itself, under an id that its node had before. */
  private isOwnFormer({ owner }: Displaced): boolean {
    if (typeof owner === 'string' || owner.connection !== this.connection) return false;
    return this.context.node.isOwn(owner.nodeId);
  }

  private async open(ask: Ask, replace?: readonly string[]): Promise<OpenResult> {
    const { session, owner, intent, socketWas, goesOn } = ask;
    const { store, node, onLimit, sessionLeaseMs } = this.context;
    const { userId, sessionId, attributes } = session;
    const { identity } = this.socket;
    const result = await store.sessions.open({
      userId,
      sessionId,
      attributes,
      owner,
      leaseMs: sessionLeaseMs,
      onLimit: identity.onLimit ?? onLimit,
      intent,
      ...(identity.limit !== undefined && { limit: identity.limit }),
      ...(intent === 'return' ? claimOf(session) : beginningOf(session, goesOn)),
      ...(replace && { replace }),
      ...(socketWas && { socketWas }),
    });
    const displaced = 'displaced' in result ? result.displaced.filter((each) => !this.isOwnFormer(each)) : [];
    if (displaced.length > 0) {
      const { deviceType } = attributes;
      const { connection } = this;
      node.notify(displaced, { sessionId, ...(deviceType !== undefined && { deviceType }), connection });
    }
    const lost = this.context.deviceTakeover === 'on' ? lostOfDevice(ask, result) : undefined;
    return lost === undefined || replace?.includes(lost) ? result : this.open(ask, [lost]);
  }
}

/** A session of the same device that refuses this hello and whose connection was lost: the page was loaded anew, or the app (W8). */
function lostOfDevice({ session, intent }: Ask, result: OpenResult): string | undefined {
  const { deviceId } = session.attributes;
  if (result.outcome !== 'refused' || intent !== 'fresh' || deviceId === undefined) return undefined;
  return result.conflicts.find((conflict) => conflict.detached && conflict.deviceId === deviceId)?.sessionId;
}

/** Of one that may only return. A token of an earlier session under the same id takes nothing over. */
function claimOf({ orStartedAt = [] }: HeldSession): Pick<OpenRequest, 'startedAt' | 'orStartedAt'> {
  const [startedAt, ...others] = orStartedAt;
  return { ...(startedAt !== undefined && { startedAt }), orStartedAt: others };
}

function beginningOf(
  { startedAt, segment, segmentStartedAt }: HeldSession,
  goesOn = false,
): Pick<OpenRequest, 'startedAt' | 'segment' | 'segmentStartedAt'> {
  return goesOn ? { startedAt, segment, segmentStartedAt } : { startedAt };
}

/** What a socket that took a session over is to the one that held it, by the numbers of their connections (P7). */
function takerOf(taker: number | undefined, own: number, now: number): 'older' | 'twin' | undefined {
  if (taker === own) return 'twin';
  if (taker === undefined || isOfFormerTime(own, now)) return undefined;
  return helloGapMs(own, taker) > CLOCK_SLACK_MS ? 'older' : undefined;
}
