/** What may be claimed of a session by what its player saw: when it was surely live, and until when it may be. */
import { type RunRecord, type SessionEvent, type SessionRecord, standstills, stretch, type Window } from '../record.ts';

/** How much later than it happened something may be noted, on a busy machine. */
export const SLACK_MS = 400;

export interface Span {
  readonly from: number;
  readonly to: number;
}

/** Its player's own end. */
type Ending = Extract<SessionEvent, { what: 'leave' | 'gone' }>;

export function endOf(session: SessionRecord): Ending | undefined {
  return session.events.find((event): event is Ending => event.what === 'leave' || event.what === 'gone');
}

/** Its last socket was welcomed and not closed, by anybody. */
export function isConnected({ events }: SessionRecord): boolean {
  return events.findLast(({ what }) => what === 'welcome' || what === 'closed')?.what === 'welcome';
}

export function overlaps(a: Span, b: Span): boolean {
  return a.from <= b.to && b.from <= a.to;
}

/**
 * When the store surely had the session as live by the rules: from one proof of it to the next, where nothing between
 * them may have ended it. A proof is a welcome that is not degraded, or an answer with the session's end.
 */
export function liveSpans(session: SessionRecord, run: RunRecord): Span[] {
  const { graceMs, leaseMs, beatMs } = run.timers;
  // A session of a gateway that was killed lives as long as its node's lease, which was renewed a beat ago.
  const gapMs = Math.min(graceMs, leaseMs - beatMs) - SLACK_MS;
  const spans: { from: number; to: number }[] = [];
  let last: { readonly at: number; readonly gateway: string } | undefined;
  let closedAt: number | undefined;
  for (const event of session.events) {
    switch (event.what) {
      case 'welcome':
      case 'alive': {
        if (event.what === 'welcome' && event.degraded) {
          last = undefined;
          break;
        }
        const { at, gateway } = event;
        if (splitOf(gateway, at, run)) {
          last = undefined;
          break;
        }
        const goesOn = last !== undefined && isBridged(last, { at, gateway }, closedAt, gapMs, run);
        if (goesOn) (spans.at(-1) as { to: number }).to = at;
        else spans.push({ from: at, to: at });
        last = { at, gateway };
        closedAt = undefined;
        break;
      }
      case 'closed':
        closedAt ??= event.at;
        break;
      case 'leave':
      case 'gone':
        return spans;
      case 'evicted':
        last = undefined;
        break;
      case 'hello':
      case 'left':
      case 'problem':
        break;
      default:
        event satisfies never;
    }
  }
  return spans;
}

interface Proof {
  readonly at: number;
  readonly gateway: string;
}

function isBridged(a: Proof, b: Proof, closedAt: number | undefined, gapMs: number, run: RunRecord): boolean {
  const between = { from: a.at, to: b.at };
  if (closedAt === undefined) {
    // On one socket all along: only the lease of its gateway may have lapsed, where it was cut off.
    const mayLapse = run.windows.some(
      (window) => window.mayLapse && isAbout(window, a.gateway) && overlaps(window, between),
    );
    return !mayLapse || b.at - a.at < gapMs;
  }
  return b.at - a.at < gapMs;
}

/** Whether a gateway's store was not the one that others had. */
export function splitOf(gateway: string, at: number, run: RunRecord): Window['split'] {
  const windows = run.windows.filter(
    (window) => window.split && isAbout(window, gateway) && overlaps(window, { from: at, to: at }),
  );
  return windows.find(({ split }) => split === 'unnoticed')?.split ?? windows[0]?.split;
}

export function isAbout(window: Window, gateway: string): boolean {
  return window.gateway === undefined || window.gateway === gateway;
}

/** How long after its end a session may still be shown, by the way it ended and by what was away then. */
export function ghostUntil(session: SessionRecord, run: RunRecord): { readonly base: number; readonly until: number } {
  const { pingMs, pongMs, graceMs, beatMs, leaseMs, sweepMs, stallGraceMs } = run.timers;
  const end = endOf(session) as Ending;
  // Whoever was let in unchecked leaves without waiting for the store.
  const proof = session.events.findLast((event) => event.what === 'welcome' || event.what === 'alive');
  const isUnchecked = proof?.what === 'welcome' && proof.degraded;
  const left = isUnchecked ? undefined : session.events.find(({ what }) => what === 'left');
  const bySocket = graceMs + sweepMs;
  const pingsMs = (pingMs + pongMs) * stretch(end.at, end.at + pingMs + pongMs, run);
  const bounds = { socket: bySocket, network: pingsMs + bySocket, leave: left ? 0 : bySocket };
  const boundMs = end.what === 'gone' ? bounds[end.way] : bounds.leave;
  const gateway = session.events.findLast((event) => event.what === 'welcome')?.gateway ?? '';
  let base = left?.at ?? end.at;
  let until = base + boundMs;
  for (const window of [...run.windows, ...standstills(run)].sort((x, y) => x.from - y.from)) {
    if (!isAbout(window, gateway) || !overlaps(window, { from: end.at, to: until })) continue;
    if (window.isKilled) {
      until = Math.max(until, window.from + leaseMs + sweepMs + beatMs);
      continue;
    }
    base = Math.max(base, window.to);
    // What was left to the grace may have ended in a silence of the store, which extends it.
    const isSilence = window.gateway === undefined && window.to - window.from > leaseMs / 2;
    if (isSilence && boundMs > 0) until = Math.max(until, window.to + stallGraceMs + sweepMs);
    // From when it is back: until it is noticed, what was given up is given up again, and the grace runs.
    until = Math.max(until, window.to + Math.max(boundMs, bySocket, leaseMs + sweepMs) + 2 * beatMs);
  }
  return { base, until: until + SLACK_MS };
}
