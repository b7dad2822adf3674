/** What the store's answer to an open, or its lack, makes of a life. Part of life-step.ts. */
import type { OpenResult, SocketOwner } from '../../presence-core/index.ts';
import type { ReopenIntent } from '../node/held-player.ts';
import { keep } from './held-session.ts';
import {
  detachOf,
  type Effect,
  type Held,
  isDue,
  type Life,
  type LifeEvent,
  type Opening,
  OVER,
  type Over,
  type Reopening,
  type Step,
  stay,
  stronger,
  type Unchecked,
  uncertainOwners,
} from './life.ts';

type Unanswered = Extract<LifeEvent, { type: 'unanswered' }>;

export function answered(life: Life, result: OpenResult): Step {
  switch (life.state) {
    case 'opening':
      return firstAnswer(life, result);
    case 'unchecked':
    case 'reopening':
      return life.asked ? nextAnswer(life, life.asked, result) : stay(life);
    case 'over':
      return lateAnswer(life, result);
    case 'none':
    case 'held':
      return stay(life);
    default:
      return life satisfies never;
  }
}

function firstAnswer(life: Opening, result: OpenResult): Step {
  switch (result.outcome) {
    case 'opened':
    case 'renewed':
    case 'held': {
      const session = keep(life.session, result);
      const isClaimed = life.session.orStartedAt?.includes(result.startedAt) === true;
      const resumed = result.outcome === 'renewed' && isClaimed;
      const welcome: Effect = { do: 'welcome', session, resumed, answer: result };
      const next = heldUnder({ session, owner: life.asked, isReopened: false, maybe: [] }, life.again);
      return { life: next, effects: isDue(next) ? [welcome, { do: 'queue' }] : [welcome] };
    }
    case 'fenced':
      return withoutStore(life, []);
    case 'gone':
      return { life: OVER, effects: [{ do: 'deny' }] };
    case 'moved':
      return { life: OVER, effects: [{ do: 'overtaken' }] };
    case 'ended':
      return result.reason === 'left' && life.intent !== 'fresh' ? afterLeaving(life) : turnedAway(result);
    default:
      return turnedAway(result);
  }
}

/** Its player left a moment ago, and is here again: that begins anew (P8), if it may begin anything. */
function afterLeaving(life: Opening): Step {
  if (life.intent === 'return') return { life: OVER, effects: [{ do: 'deny' }] };
  const { session, asked: owner } = life;
  return { life: { ...life, intent: 'fresh' }, effects: [], ask: { session, owner, intent: 'fresh' } };
}

function nextAnswer(life: Unchecked | Reopening, owner: SocketOwner, result: OpenResult): Step {
  switch (result.outcome) {
    case 'opened':
    case 'renewed':
    case 'held': {
      const session = keep(life.session, result, life.again !== undefined);
      return stay(heldUnder({ session, owner, isReopened: true, maybe: life.maybe }, life.again));
    }
    case 'fenced':
    case 'gone':
      return stay(askedInVain(life, life.maybe));
    default: {
      // Its player left a moment before this hello.
      if (result.outcome === 'ended' && result.reason === 'left' && life.state === 'unchecked') {
        return { life, effects: [], ask: { session: life.session, owner, intent: 'fresh', goesOn: true } };
      }
      // When its hello came is not known that well: if its player is there, its next one is the latest.
      const isOvertaken = result.outcome === 'moved' && life.state === 'unchecked' && life.isHeldUp;
      const effects: readonly Effect[] = isOvertaken ? [{ do: 'overtaken' }] : turnedAway(result).effects;
      // An open without an answer may still come.
      return { life: OVER, effects: [...effects, ...detachOf(life.session, life.maybe, true)] };
    }
  }
}

/** The session is over: what was opened for it is given up. */
function lateAnswer({ asked }: Over, result: OpenResult): Step {
  const isOpened = result.outcome === 'opened' || result.outcome === 'renewed';
  if (!asked || !isOpened) return stay(OVER);
  const { session, owner, hasLeft } = asked;
  const effect: Effect = hasLeft
    ? { do: 'close', session, owner }
    : { do: 'detach', session, owner, isUncertain: false };
  return { life: OVER, effects: [effect] };
}

function turnedAway(result: Extract<OpenResult, { outcome: 'refused' | 'ended' | 'moved' }>): Step {
  switch (result.outcome) {
    case 'refused':
      return { life: OVER, effects: [{ do: 'refuse', refusal: result }] };
    case 'ended':
      return { life: OVER, effects: [{ do: 'evict', reason: result.reason }] };
    case 'moved':
      // Somebody else took it over while this node was cut off, or before it asked.
      return { life: OVER, effects: [{ do: 'evict', reason: 'moved' }] };
    default:
      return result satisfies never;
  }
}

export function unanswered(life: Life, { isFault, isUnsent }: Unanswered): Step {
  if (isUnsent) return unsent(life);
  switch (life.state) {
    case 'opening':
      if (!isFault) return withoutStore(life, [life.asked]);
      return { life: OVER, effects: notLetIn(life, [life.asked]) };
    case 'unchecked':
    case 'reopening':
      return stay(askedInVain(life, uncertainOwners(life)));
    case 'over': {
      if (!life.asked) return stay(life);
      const { session, owner } = life.asked;
      return { life: OVER, effects: [{ do: 'detach', session, owner, isUncertain: true }] };
    }
    case 'none':
    case 'held':
      return stay(life);
    default:
      return life satisfies never;
  }
}

/** Nothing was opened, so nothing is given up. */
function unsent(life: Life): Step {
  if (life.state === 'opening' || life.state === 'over') return { life: OVER, effects: [] };
  return stay(life.state === 'unchecked' || life.state === 'reopening' ? askedInVain(life, life.maybe) : life);
}

/** P10: policy `open` lets play, to be checked when the store is back. */
function withoutStore(life: Opening, maybe: readonly SocketOwner[]): Step {
  const { session, outagePolicy, isHeldUp } = life;
  if (outagePolicy === 'closed') return { life: OVER, effects: [{ do: 'unavailable' }, ...notLetIn(life, maybe)] };
  return {
    life: { state: 'unchecked', session, isHeldUp, maybe, asked: undefined, again: undefined },
    effects: [{ do: 'welcome', session, resumed: false }, { do: 'queue' }],
  };
}

/**
 * What may be open for a player that is sent away would only stand in its way; under an id that others know, it may be a
 * session that was live before, and is still held by another socket.
 */
function notLetIn({ session, isOwnId }: Opening, owners: readonly SocketOwner[]): Effect[] {
  return owners.map((owner) => ({ do: 'detach', session, owner, isUncertain: true, isUntold: isOwnId }));
}

/** @param again with what it is to be opened again although it was just opened. */
function heldUnder(held: Omit<Held, 'state'>, again: ReopenIntent | undefined): Life {
  if (again === undefined) return { state: 'held', ...held };
  const { session, owner, maybe } = held;
  return { state: 'reopening', session, owner, intent: again, maybe, asked: undefined, again: undefined };
}

/** It stays due, and is asked at its next turn. */
function askedInVain<T extends Unchecked | Reopening>(life: T, maybe: readonly SocketOwner[]): T {
  const next = { ...life, maybe, asked: undefined, again: undefined };
  if (life.state !== 'reopening' || life.again === undefined) return next;
  return { ...next, intent: stronger(life.intent, life.again) };
}
