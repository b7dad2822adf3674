/** The one transition function of a held session's life, see life.ts. */
import type { Attributes, SocketOwner } from '../../presence-core/index.ts';
import type { ReopenIntent } from '../node/held-player.ts';
import { type HeldSession, keep } from './held-session.ts';
import {
  detachOf,
  type Effect,
  type Held,
  isSame,
  type Life,
  type LifeEvent,
  type On,
  OVER,
  overWith,
  ownersOf,
  type Reopening,
  type Step,
  stay,
  stronger,
  type Unchecked,
} from './life.ts';
import { answered, unanswered } from './life-answers.ts';

/** What an event makes of a life. An event that means nothing in a state changes nothing. */
export function step(life: Life, event: LifeEvent): Step {
  switch (event.type) {
    case 'hello':
      return hello(life, event);
    case 'answered':
      return answered(life, event.result);
    case 'unanswered':
      return unanswered(life, event);
    case 'told':
      return told(life, event);
    case 'missed':
      return missed(life, event);
    case 'lost':
      return lost(life, event.intent);
    case 'turn':
      return turn(life, event.owner);
    case 'redated':
      return redated(life, event.byMs);
    case 'changed':
      return changed(life, event);
    case 'updated':
      return updated(life, event);
    case 'left':
      return left(life);
    case 'closed':
      return closed(life);
    default:
      return event satisfies never;
  }
}

function hello(life: Life, event: On<'hello'>): Step {
  if (life.state !== 'none') return stay(life);
  const { session, owner, intent, outagePolicy, isLate = false, isHeldUp = false, isOwnId = false } = event;
  return {
    life: { state: 'opening', session, asked: owner, intent, outagePolicy, isHeldUp, isOwnId, again: undefined },
    effects: [],
    ask: isLate ? { session, owner, intent, socketWas: 'late' } : { session, owner, intent },
  };
}

function told(life: Life, event: On<'told'>): Step {
  const { reason, by, taker } = event;
  if (reason === 'moved' && taker === 'older') return lost(life, 'resume');
  // Two that take it from each other would do so for ever.
  const isSettled = reason !== 'moved' || taker === 'twin';
  const evict: Effect = { do: 'evict', reason, ...(by && { by }) };
  switch (life.state) {
    case 'opening':
      return { life: overWith(life, false), effects: [evict] };
    case 'unchecked':
    case 'reopening':
      if (!isSettled) return movedWhileDue(life, evict);
      // An open without an answer may still come, and would take it back; so may a store that forgot the end.
      return { life: overWith(life, false), effects: [evict, ...givenUp(life)] };
    case 'held':
      if (!life.isReopened) return { life: OVER, effects: [evict] };
      if (!isSettled) return lost(life, 'resume');
      // A store that forgot the end may have it again since.
      return { life: OVER, effects: [evict, ...givenUp(life)] };
    case 'none':
    case 'over':
      return stay(life);
    default:
      return life satisfies never;
  }
}

/**
 * It was taken over from one of the owners under which it was opened, maybe before another open of this socket took it
 * back. Opened again, it is answered who has it.
 */
function movedWhileDue(life: Unchecked | Reopening, evict: Effect): Step {
  const [owner] = ownersOf(life);
  if (owner === undefined) return { life: OVER, effects: [evict] };
  const { session, maybe, asked } = life;
  const again = asked && stronger(life.again, 'resume');
  if (life.state === 'reopening') return stay({ ...life, again });
  return stay({ state: 'reopening', session, owner, maybe, asked, again, intent: 'resume' });
}

/** What the store has of it is settled by opening it again; only then it is known to be over. */
function missed(life: Life, { owner, miss }: On<'missed'>): Step {
  if (life.state !== 'held' || !isSame(life.owner, owner)) return stay(life);
  // The node learns it at its next beat, and then says `lost`.
  return miss.outcome === 'fenced' ? stay(life) : lost(life, 'resume');
}

function lost(life: Life, intent: ReopenIntent): Step {
  switch (life.state) {
    case 'held': {
      const { session, owner, maybe } = life;
      return {
        life: { state: 'reopening', session, owner, intent, maybe, asked: undefined, again: undefined },
        effects: [{ do: 'queue' }],
      };
    }
    case 'reopening':
      if (life.asked) return stay({ ...life, again: stronger(life.again, intent) });
      return stay({ ...life, intent: stronger(life.intent, intent) });
    case 'unchecked':
      // What the store may have of it is not known; admission follows anyway.
      return stay(life.asked ? { ...life, again: stronger(life.again, intent) } : life);
    case 'opening':
      return { life: { ...life, again: stronger(life.again, intent) }, effects: [{ do: 'queue' }] };
    case 'none':
    case 'over':
      return stay(life);
    default:
      return life satisfies never;
  }
}

function turn(life: Life, owner: SocketOwner): Step {
  if ((life.state !== 'reopening' && life.state !== 'unchecked') || life.asked) return stay(life);
  const { session } = life;
  const asked = { ...life, asked: owner };
  // One that was never admitted goes through admission.
  if (life.state === 'unchecked') {
    return { life: asked, effects: [], ask: { session, owner, intent: 'resume', socketWas: 'late', goesOn: true } };
  }
  return { life: asked, effects: [], ask: { session, owner, intent: life.intent, socketWas: 'held', goesOn: true } };
}

/** Who was let in unchecked was dated by this process; all others the store has dated. */
function redated(life: Life, byMs: number): Step {
  if (life.state !== 'opening' && life.state !== 'unchecked') return stay(life);
  const { startedAt, segmentStartedAt } = life.session;
  const session = { ...life.session, startedAt: startedAt + byMs, segmentStartedAt: segmentStartedAt + byMs };
  return stay({ ...life, session });
}

function changed(life: Life, { attributes, at }: On<'changed'>): Step {
  switch (life.state) {
    case 'held':
      return stay({ ...life, session: withAttributes(life.session, attributes, at) });
    case 'unchecked':
    case 'reopening': {
      const session = withAttributes(life.session, attributes, at);
      return stay({ ...life, session, ...(life.asked && { again: stronger(life.again, 'resume') }) });
    }
    case 'none':
    case 'opening':
    case 'over':
      return stay(life);
    default:
      return life satisfies never;
  }
}

function updated(life: Life, { owner, answer }: On<'updated'>): Step {
  if (life.state !== 'held' || !isSame(life.owner, owner)) return stay(life);
  return stay({ ...life, session: keep(life.session, answer) });
}

function left(life: Life): Step {
  switch (life.state) {
    case 'unchecked':
    case 'reopening':
      return { life: overWith(life, true), effects: detachOf(life.session, life.maybe, true) };
    case 'opening':
      return stay(overWith(life, true));
    case 'held':
      return { life: OVER, effects: detachOf(life.session, life.maybe, true) };
    case 'none':
    case 'over':
      return stay(life);
    default:
      return life satisfies never;
  }
}

function closed(life: Life): Step {
  switch (life.state) {
    case 'opening':
      return stay(overWith(life, false));
    case 'held':
      return { life: OVER, effects: givenUp(life) };
    case 'unchecked':
    case 'reopening':
      return { life: overWith(life, false), effects: givenUp(life) };
    case 'none':
      return stay(OVER);
    case 'over':
      return stay(life);
    default:
      return life satisfies never;
  }
}

/** What the store has of it, or may have, is left to the grace. */
function givenUp(life: Held | Unchecked | Reopening): Effect[] {
  const { session, maybe } = life;
  const known = life.state === 'unchecked' ? [] : [life.owner];
  return [...detachOf(session, known, false), ...detachOf(session, maybe, true)];
}

function withAttributes(session: HeldSession, changes: Attributes, at: number): HeldSession {
  const attributes = { ...session.attributes, ...changes };
  const isSwitch = changes.streamId !== undefined && changes.streamId !== session.attributes.streamId;
  // Counted before the answer: if that is lost, a restored session uses no number that the log has already.
  if (isSwitch) return { ...session, attributes, segment: session.segment + 1, segmentStartedAt: at };
  return { ...session, attributes };
}
