/** Notes how often a short timer fires: less often than it says where the machine is busy. */
import { now, type Pace, TICK_MS } from '../record.ts';

const SPAN_MS = 250;

/** @returns what ends it. */
export function notePace(list: Pace[]): () => void {
  let [from, ticks] = [now(), 0];
  const timer = setInterval(() => {
    ticks += 1;
    const to = now();
    if (to - from < SPAN_MS) return;
    list.push({ from, to, ticks });
    [from, ticks] = [to, 0];
  }, TICK_MS);
  return () => clearInterval(timer);
}
