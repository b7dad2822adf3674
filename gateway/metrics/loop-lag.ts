/**
 * How late the event loop came to a timer that the process has anyway (`LoopWatch`). The monitor of Node wakes a process at
 * rest up for each look of its own.
 */
import { createHistogram } from 'node:perf_hooks';
import { Gauge, type Registry } from 'prom-client';

const NS_PER_MS = 1e6;
const NS_PER_S = 1e9;

/** In nanoseconds, since the last scrape; of all servers of the process. */
const late = createHistogram();

const FIGURES: readonly (readonly [name: string, of: string, read: () => number])[] = [
  ['min', 'Least', () => late.min],
  ['max', 'Greatest', () => late.max],
  ['mean', 'Mean', () => late.mean],
  ['stddev', 'Standard deviation', () => late.stddev],
  ['p50', '50th percentile', () => late.percentile(50)],
  ['p90', '90th percentile', () => late.percentile(90)],
  ['p99', '99th percentile', () => late.percentile(99)],
];

/** Names of the metrics, which prom-client has by default. */
export const LOOP_LAG: readonly string[] = FIGURES.map(([name]) => nameOf(name));

/** @param lateMs after the instant that was asked for. */
export function loopTurned(lateMs: number): void {
  late.record(Math.max(1, Math.round(lateMs * NS_PER_MS)));
}

/** Adds `nodejs_eventloop_lag_<figure>_seconds`, which are left out while nothing was measured. */
export function addLoopLag(register: Registry): void {
  const gauges: { readonly gauge: Gauge; readonly read: () => number }[] = [];
  // The first sets them all.
  const collect = (): void => {
    for (const { gauge, read } of gauges) {
      if (late.count > 0) gauge.set(read() / NS_PER_S);
      else gauge.remove();
    }
    late.reset();
  };
  for (const [i, [name, of, read]] of FIGURES.entries()) {
    const gauge = new Gauge({
      name: nameOf(name),
      help: `${of} of how late the event loop came to a timer, since the last scrape.`,
      registers: [register],
      ...(i === 0 && { collect }),
    });
    gauges.push({ gauge, read });
  }
}

function nameOf(figure: string): string {
  return `nodejs_eventloop_lag_${figure}_seconds`;
}
