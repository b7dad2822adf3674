/** Impressions and clicks of the demo's last day: sent to the API one by one, as from players that were late to tell them. */
import type { Day } from './demo-history.ts';
import { CLICKS } from './world.ts';

const HOUR_MS = 3_600_000;
/** The API counts nothing that is older; what takes a while to send has to be younger when it comes. */
const DAY_MS = 24 * HOUR_MS - 120_000;
/** Who watches on sees the next one after so long. */
const BREAK_MS = 15 * 60_000;
/** A click comes so long after what was clicked, at most. */
const CLICK_MS = 10_000;
/** So that the players who come meanwhile do not wait: a batch, then a pause. */
const BATCH = 16;
const PAUSE_MS = 20;

export interface DayEvent {
  readonly userId: string;
  readonly kind: 'click' | 'impression';
  readonly at: number;
}

/** An impression when a stream begins and at each break, and clicks on some. */
export function eventsOf({ rows }: Pick<Day, 'rows'>, now: number): DayEvent[] {
  const events: DayEvent[] = [];
  for (const { userId, startedAt, endedAt } of rows) {
    for (let at = startedAt; at <= endedAt; at += BREAK_MS) {
      events.push({ userId, kind: 'impression', at });
      if (Math.random() < CLICKS) events.push({ userId, kind: 'click', at: at + Math.floor(Math.random() * CLICK_MS) });
    }
  }
  return events.filter(({ at }) => at > now - DAY_MS && at <= now);
}

/** Whether nobody has counted anything in the last full hour: not so with a store that outlived a former demo. */
export async function hasNoEvents(origin: string, now: number): Promise<boolean> {
  const headers = { accept: 'application/json' };
  const reply = await fetch(`${origin}/analytics?timestamp=${now - HOUR_MS}`, { headers });
  return ((await reply.json()) as { impressions: number }).impressions === 0;
}

/** @throws Error when one is not counted. */
export async function sendEvents(origin: string, events: readonly DayEvent[]): Promise<void> {
  for (let i = 0; i < events.length; i += BATCH) {
    await Promise.all(events.slice(i, i + BATCH).map((event) => sendEvent(origin, event)));
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}

async function sendEvent(origin: string, { userId, kind, at }: DayEvent): Promise<void> {
  const query = new URLSearchParams({ timestamp: String(at), user: userId, event: kind });
  const reply = await fetch(`${origin}/analytics?${query}`, { method: 'POST' });
  await reply.text();
  if (reply.status !== 204) throw new Error(`/analytics answered ${reply.status}`);
}
