/** What Node tells of the process: one set however many servers run in it, as what it starts cannot be stopped. */
import { readdir } from 'node:fs/promises';
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { addLoopLag, LOOP_LAG } from './loop-lag.ts';

/** Of these each scrape would hold the event loop for a millisecond per thousand sockets. */
const COSTLY = [
  'process_open_fds',
  'nodejs_active_resources',
  'nodejs_active_resources_total',
  'nodejs_active_handles',
  'nodejs_active_handles_total',
  'nodejs_active_requests',
  'nodejs_active_requests_total',
];

let registry: Registry | undefined;

/** The monitor of the event loop cannot be left out: it looks so seldom that it wakes nobody up. */
const SELDOM_MS = 3_600_000;

/** From the first call on: CPU, memory, garbage collection, and the lag of the event loop. */
export function processMetrics(): Registry {
  registry ??= collect();
  return registry;
}

function collect(): Registry {
  const register = new Registry();
  collectDefaultMetrics({ register, eventLoopMonitoringPrecision: SELDOM_MS });
  for (const name of [...COSTLY, ...LOOP_LAG]) register.removeSingleMetric(name);
  addLoopLag(register);
  new Gauge({
    name: 'process_open_fds',
    help: 'Number of open file descriptors.',
    registers: [register],
    async collect() {
      // One of them is the folder itself, open while it is read.
      const files = await readdir('/proc/self/fd').catch(() => undefined);
      if (files) this.set(files.length - 1);
      else this.remove();
    },
  });
  return register;
}
