/**
 * The life of a session that a socket holds: one value, and one function that says what each event makes of it and what
 * is to be done (P4-P10). It knows no socket, clock or store: player.ts does what it says. The function is in life-step.ts.
 *
 * An open without an answer may have happened, or may yet: whoever gives it up detaches it (P7).
 */
import type {
  Attributes,
  InboxMessage,
  Miss,
  OpenRequest,
  OpenResult,
  SocketOwner,
} from '../../presence-core/index.ts';
import type { ReopenIntent } from '../node/held-player.ts';
import type { HeldSession, Opened } from './held-session.ts';

export type EndReason = InboxMessage['reason'];

/** No hello yet, or an observer: no session. */
interface None {
  readonly state: 'none';
}

/** The store was asked for the first time, and has not answered. */
export interface Opening {
  readonly state: 'opening';
  readonly session: HeldSession;
  readonly asked: SocketOwner;
  readonly intent: OpenRequest['intent'];
  readonly outagePolicy: 'open' | 'closed';
  readonly isHeldUp: boolean;
  readonly isOwnId: boolean;
  /** What was lost since it was asked: then it is opened again as soon as it is open. */
  readonly again: ReopenIntent | undefined;
}

export interface Held {
  readonly state: 'held';
  readonly session: HeldSession;
  /** Under which it was opened: it is renewed, changed and given up under this one (P9). */
  readonly owner: SocketOwner;
  /** It was opened more than once: what is told of it may be of before. */
  readonly isReopened: boolean;
  /** Of opens without an answer: they may run yet, also after another socket took the session over. */
  readonly maybe: readonly SocketOwner[];
}

/** To be opened again; until then nothing renews it. */
interface Due {
  readonly session: HeldSession;
  /** Under which the store may have it, as an open of them had no answer. */
  readonly maybe: readonly SocketOwner[];
  /** Of the open that runs. */
  readonly asked: SocketOwner | undefined;
  /** While it runs something came that its answer does not settle: then it is asked again, with this intent. */
  readonly again: ReopenIntent | undefined;
}

/** Let in without an answer of the store: admission follows. */
export interface Unchecked extends Due {
  readonly state: 'unchecked';
  /** The loop stood still before its hello was handled: when that came is not known exactly. */
  readonly isHeldUp: boolean;
}

/** The node lost its lease, or the store the session (P9, P10). */
export interface Reopening extends Due {
  readonly state: 'reopening';
  readonly owner: SocketOwner;
  readonly intent: ReopenIntent;
}

/** Nothing is held any more; what the store may still answer to is given up then. */
export interface Over {
  readonly state: 'over';
  readonly asked?: { readonly session: HeldSession; readonly owner: SocketOwner; readonly hasLeft: boolean };
}

export type Life = None | Opening | Held | Unchecked | Reopening | Over;

export type LifeEvent =
  /** A hello that names a session. */
  | {
      readonly type: 'hello';
      readonly session: HeldSession;
      readonly owner: SocketOwner;
      readonly intent: OpenRequest['intent'];
      readonly outagePolicy: 'open' | 'closed';
      /** It did not come just now; `isHeldUp`: as the loop stood still before it was handled. */
      readonly isLate?: boolean;
      readonly isHeldUp?: boolean;
      /** The session's id was made for this hello: nobody else knows it. */
      readonly isOwnId?: boolean;
    }
  /** The store answered the open that runs. */
  | { readonly type: 'answered'; readonly result: OpenResult }
  /** It did not. `isFault`: by what is no outage, which lets nobody in; `isUnsent`: it was not even asked. */
  | { readonly type: 'unanswered'; readonly isFault: boolean; readonly isUnsent?: boolean }
  /** The store, or who acted on it, says that this socket no longer holds the session. */
  | {
      readonly type: 'told';
      readonly reason: EndReason;
      readonly by?: InboxMessage['by'];
      /** With `moved`: its hello came before this one's, or at the very same moment. */
      readonly taker?: 'older' | 'twin';
    }
  /** A renewal or an update under `owner` found no session of it: to be settled by opening it again. */
  | { readonly type: 'missed'; readonly owner: SocketOwner; readonly miss: Miss }
  /** The node lost its lease (`resume`), or the store the session (`restore`). */
  | { readonly type: 'lost'; readonly intent: ReopenIntent }
  /** It is this session's turn to be opened again. */
  | { readonly type: 'turn'; readonly owner: SocketOwner }
  /** This process knows the store's clock from now on: what it was dated by before is so much too early. */
  | { readonly type: 'redated'; readonly byMs: number }
  /** The player changed attributes; `at` by this node's clock. */
  | { readonly type: 'changed'; readonly attributes: Attributes; readonly at: number }
  /** The store answered a change under `owner`. */
  | {
      readonly type: 'updated';
      readonly owner: SocketOwner;
      readonly answer: { readonly segment: number; readonly segmentStartedAt: number };
    }
  /** The player left, and the store closed what it had. */
  | { readonly type: 'left' }
  /** The socket is gone. */
  | { readonly type: 'closed' };

/** What the store is to be asked; its answer is the next `answered` or `unanswered`. */
export interface Ask {
  readonly session: HeldSession;
  readonly owner: SocketOwner;
  readonly intent: OpenRequest['intent'];
  /** What the socket was to the session (P7); absent at a hello that came just now. */
  readonly socketWas?: 'held' | 'late';
  /** Its player was welcomed: what is not live goes on with the start that the resume token names (P9, P10). */
  readonly goesOn?: true;
}

export type Effect =
  | { readonly do: 'welcome'; readonly session: HeldSession; readonly resumed: boolean; readonly answer?: Opened }
  | { readonly do: 'refuse'; readonly refusal: Extract<OpenResult, { outcome: 'refused' }> }
  /** The session that alone could go on is gone. */
  | { readonly do: 'deny' }
  | { readonly do: 'unavailable' }
  /** Its hello was held up until a later one was answered. */
  | { readonly do: 'overtaken' }
  | { readonly do: 'evict'; readonly reason: EndReason; readonly by?: InboxMessage['by'] }
  /** Leave it to the resume grace; `isUntold`: its player was not let in, and has nothing to come back to. */
  | {
      readonly do: 'detach';
      readonly session: HeldSession;
      readonly owner: SocketOwner;
      readonly isUncertain: boolean;
      readonly isUntold?: boolean;
    }
  /** End it in the store: its player has left. */
  | { readonly do: 'close'; readonly session: HeldSession; readonly owner: SocketOwner }
  /** Give it a turn to be opened again. */
  | { readonly do: 'queue' };

export interface Step {
  readonly life: Life;
  readonly effects: readonly Effect[];
  readonly ask?: Ask;
}

export const NONE: Life = { state: 'none' };

/** Events of one type. */
export type On<T extends LifeEvent['type']> = Extract<LifeEvent, { readonly type: T }>;

/** Nothing is held, nothing is asked. */
export const OVER: Over = { state: 'over' };

/** Nothing is to be done. */
export const stay = (life: Life): Step => ({ life, effects: [] });

/** The session that the socket holds or may hold, also while the store is asked for the first time. */
export function sessionOf(life: Life): HeldSession | undefined {
  return 'session' in life ? life.session : undefined;
}

/** Whether it is to be opened again. One that was lost while it was opened is, as soon as that is answered. */
export function isDue(life: Life): boolean {
  if (life.state === 'opening') return life.again !== undefined;
  return life.state === 'reopening' || life.state === 'unchecked';
}

/** Owners under which the store may have the session, the latest first. */
export function ownersOf(life: Life): readonly SocketOwner[] {
  switch (life.state) {
    case 'held':
      return [life.owner];
    case 'reopening':
      return distinct([...uncertainOwners(life), life.owner]);
    case 'unchecked':
      return uncertainOwners(life);
    case 'none':
    case 'opening':
    case 'over':
      return [];
    default:
      return life satisfies never;
  }
}

/** Those of opens that have no answer yet, or had none, the latest first. */
export function uncertainOwners({ asked, maybe }: Unchecked | Reopening): readonly SocketOwner[] {
  return distinct(asked ? [asked, ...maybe] : maybe);
}

/** What runs is given up when it is answered. */
export function overWith({ session, asked }: Opening | Unchecked | Reopening, hasLeft: boolean): Over {
  return asked ? { state: 'over', asked: { session, owner: asked, hasLeft } } : OVER;
}

/** One for each owner. */
export function detachOf(session: HeldSession, owners: readonly SocketOwner[], isUncertain: boolean): Effect[] {
  return owners.map((owner) => ({ do: 'detach', session, owner, isUncertain }));
}

/** A session that the store forgot is not one whose lease lapsed: it is let in above the limit. */
export function stronger(a: ReopenIntent | undefined, b: ReopenIntent): ReopenIntent {
  return a === 'restore' ? a : b;
}

/** The same socket under the same id of its node. */
export function isSame(a: SocketOwner, b: SocketOwner): boolean {
  return a.nodeId === b.nodeId && a.connection === b.connection;
}

/** The first of equals each. */
export function distinct(owners: readonly SocketOwner[]): SocketOwner[] {
  return owners.filter((owner, i) => owners.findIndex((other) => isSame(other, owner)) === i);
}
