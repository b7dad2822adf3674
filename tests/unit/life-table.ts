/** States and events of a held session's life, by name, and steps as text: for the table of life.test.ts. */
import type { HeldSession } from '../../gateway/sessions/held-session.ts';
import { type Effect, type Life, type LifeEvent, NONE, OVER, type Step } from '../../gateway/sessions/life.ts';
import type { OpenResult, SocketOwner } from '../../presence-core/index.ts';

const owner = (nodeId: string): SocketOwner => ({ nodeId, connection: 7 });
/** Ids of the node, one after the other. */
const A = owner('a');
const B = owner('b');
const C = owner('c');
const D = owner('d');

const SESSION: HeldSession = {
  userId: 'u',
  sessionId: 's',
  attributes: { streamId: 'one' },
  startedAt: 1_000,
  segment: 0,
  segmentStartedAt: 1_000,
};

const CLAIMED: HeldSession = { ...SESSION, orStartedAt: [1_000] };

const due = { session: SESSION, maybe: [], asked: undefined, again: undefined };
const first = {
  session: SESSION,
  asked: A,
  intent: 'fresh',
  outagePolicy: 'open',
  isHeldUp: false,
  isOwnId: false,
  again: undefined,
} as const;

export const STATES = {
  none: NONE,
  opening: { state: 'opening', ...first },
  'opening, policy closed': { state: 'opening', ...first, outagePolicy: 'closed' },
  'opening, own id, policy closed': { state: 'opening', ...first, outagePolicy: 'closed', isOwnId: true },
  'opening, resumes 1000': { state: 'opening', ...first, session: CLAIMED, intent: 'resume' },
  'opening, only returns': { state: 'opening', ...first, session: CLAIMED, intent: 'return' },
  'opening, node lost': { state: 'opening', ...first, again: 'restore' },
  'opening, late': { state: 'opening', ...first, isHeldUp: true },
  held: { state: 'held', session: SESSION, owner: A, isReopened: false, maybe: [] },
  'held, reopened': { state: 'held', session: SESSION, owner: A, isReopened: true, maybe: [B] },
  'unchecked, never asked': { state: 'unchecked', isHeldUp: false, ...due },
  unchecked: { state: 'unchecked', isHeldUp: false, ...due, maybe: [A] },
  'unchecked, late, asked': { state: 'unchecked', ...due, isHeldUp: true, asked: B },
  'unchecked, asked': { state: 'unchecked', isHeldUp: false, ...due, maybe: [A], asked: B },
  'unchecked, asked, again': { state: 'unchecked', isHeldUp: false, ...due, maybe: [A], asked: B, again: 'restore' },
  reopening: { state: 'reopening', ...due, owner: A, intent: 'resume' },
  'reopening, asked': { state: 'reopening', ...due, owner: A, intent: 'resume', asked: B },
  'reopening, asked, again': { state: 'reopening', ...due, owner: A, intent: 'resume', asked: B, again: 'restore' },
  'reopening, asked in vain': { state: 'reopening', ...due, owner: A, intent: 'restore', maybe: [B] },
  'reopening, asked in vain, asked': { state: 'reopening', ...due, owner: A, intent: 'resume', maybe: [D], asked: B },
  over: OVER,
  'over, asked': { state: 'over', asked: { session: SESSION, owner: B, hasLeft: false } },
  'over, asked, has left': { state: 'over', asked: { session: SESSION, owner: B, hasLeft: true } },
} as const satisfies Record<string, Life>;

const answer = { current: 1, max: 3, startedAt: 1_000, segment: 4, segmentStartedAt: 4_000, expiresAt: 9_000 };
const answered = (result: OpenResult): LifeEvent => ({ type: 'answered', result });
const opened = { outcome: 'opened', ...answer, startedAt: 2_000, displaced: [] } as const;

const HELLO = {
  type: 'hello',
  session: SESSION,
  owner: C,
  intent: 'fresh',
  outagePolicy: 'open',
} as const;

export const EVENTS = {
  hello: HELLO,
  'late hello': { ...HELLO, isLate: true, isHeldUp: true },
  'hello without an id': { ...HELLO, isOwnId: true },
  'answered opened': answered(opened),
  'answered renewed': answered({ outcome: 'renewed', ...answer, displaced: [] }),
  'answered refused': answered({
    outcome: 'refused',
    current: 3,
    max: 3,
    conflicts: [],
    nextFreeAt: 9_000,
    displaced: [],
  }),
  'answered ended': answered({ outcome: 'ended', reason: 'kicked', retryAfterMs: 1_000 }),
  'answered left': answered({ outcome: 'ended', reason: 'left', retryAfterMs: 1_000 }),
  'answered moved': answered({ outcome: 'moved' }),
  'answered gone': answered({ outcome: 'gone' }),
  'answered fenced': answered({ outcome: 'fenced' }),
  unanswered: { type: 'unanswered', isFault: false },
  'not asked': { type: 'unanswered', isFault: true, isUnsent: true },
  'unanswered by a fault': { type: 'unanswered', isFault: true },
  // It makes room for one whoever said hello first.
  'told evicted': { type: 'told', reason: 'evicted', by: { sessionId: 'other' }, taker: 'older' },
  'told moved': { type: 'told', reason: 'moved' },
  'told moved by an older': { type: 'told', reason: 'moved', taker: 'older' },
  'told moved by a twin': { type: 'told', reason: 'moved', taker: 'twin' },
  'missed, gone': { type: 'missed', owner: A, miss: { outcome: 'gone' } },
  'missed, moved': { type: 'missed', owner: A, miss: { outcome: 'moved' } },
  'missed, ended': { type: 'missed', owner: A, miss: { outcome: 'ended', reason: 'replaced' } },
  'missed, fenced': { type: 'missed', owner: A, miss: { outcome: 'fenced' } },
  'missed under another owner': { type: 'missed', owner: C, miss: { outcome: 'moved' } },
  'lost, resume': { type: 'lost', intent: 'resume' },
  'lost, restore': { type: 'lost', intent: 'restore' },
  turn: { type: 'turn', owner: C },
  redated: { type: 'redated', byMs: 500 },
  'changed stream': { type: 'changed', attributes: { streamId: 'two' }, at: 5_000 },
  'changed country': { type: 'changed', attributes: { streamId: 'one', country: 'DE' }, at: 5_000 },
  updated: { type: 'updated', owner: A, answer: { segment: 6, segmentStartedAt: 6_000 } },
  'updated under another owner': { type: 'updated', owner: C, answer: { segment: 6, segmentStartedAt: 6_000 } },
  left: { type: 'left' },
  closed: { type: 'closed' },
} as const satisfies Record<string, LifeEvent>;

const names = (owners: readonly SocketOwner[]): string => owners.map(({ nodeId }) => nodeId).join('+');

/** What differs from `SESSION`. */
function sessionText(session: HeldSession): string {
  const { attributes, startedAt, segment, segmentStartedAt } = session;
  const parts = [];
  if (startedAt !== SESSION.startedAt) parts.push(`from ${startedAt}`);
  if (segment !== 0 || segmentStartedAt !== SESSION.segmentStartedAt) parts.push(`#${segment} at ${segmentStartedAt}`);
  const values = Object.values(attributes).join(',');
  if (values !== 'one') parts.push(values);
  return parts.length > 0 ? ` (${parts.join(' ')})` : '';
}

export function lifeText(life: Life): string {
  switch (life.state) {
    case 'none':
      return 'none';
    case 'opening': {
      const again = life.again ? `, again ${life.again}` : '';
      return `opening${life.isHeldUp ? ', late,' : ''}${life.isOwnId ? ', own id,' : ''} by ${names([life.asked])}${again}${sessionText(life.session)}`;
    }
    case 'held': {
      const maybe = life.maybe.length > 0 ? `, maybe ${names(life.maybe)}` : '';
      return `held${life.isReopened ? ', reopened' : ''} by ${names([life.owner])}${maybe}${sessionText(life.session)}`;
    }
    case 'unchecked':
    case 'reopening': {
      const known =
        life.state === 'reopening'
          ? `reopening ${life.intent}, was ${names([life.owner])}`
          : `unchecked${life.isHeldUp ? ', late' : ''}`;
      const maybe = life.maybe.length > 0 ? `, maybe ${names(life.maybe)}` : '';
      const asked = life.asked ? `, asked ${names([life.asked])}` : '';
      const again = life.again ? `, again ${life.again}` : '';
      return known + maybe + asked + again + sessionText(life.session);
    }
    case 'over':
      return life.asked ? `over, asked ${names([life.asked.owner])}${life.asked.hasLeft ? ', has left' : ''}` : 'over';
    default:
      return life satisfies never;
  }
}

function effectText(effect: Effect): string {
  switch (effect.do) {
    case 'welcome':
      return `welcome${effect.resumed ? ' resumed' : ''}${effect.answer ? '' : ' degraded'}${sessionText(effect.session)}`;
    case 'evict':
      return `evict ${effect.reason}${effect.by ? ' by other' : ''}`;
    case 'detach':
      return `detach ${names([effect.owner])}${effect.isUncertain ? '?' : ''}${effect.isUntold ? ' now' : ''}`;
    case 'close':
      return `close ${names([effect.owner])}`;
    default:
      return effect.do;
  }
}

/** A step as one line: the life, what is done, what is asked. */
export function summary({ life, effects, ask }: Step): string {
  const was = ask?.socketWas ? `, was ${ask.socketWas}` : '';
  const goesOn = ask?.goesOn ? ', goes on' : '';
  const asks = ask ? [`ask ${ask.intent} by ${names([ask.owner])}${was}${goesOn}`] : [];
  return [lifeText(life), ...effects.map(effectText), ...asks].join('; ');
}
