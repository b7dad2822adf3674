/** What Node tells of the process: one set however many servers run in it, as what it starts cannot be stopped. */
import { readdir } from 'node:fs/promises';
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';

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

/** A process at rest wakes up for each look: a hundred a second cost it more than all else that it does. */
const LAG_LOOKS_EACH_MS = 100;

/**
 * From the first call on: CPU, memory, garbage collection, and the lag of the event loop. The latter, but for
 * `nodejs_eventloop_lag_seconds`, counts the 100 ms between two looks too: an idle loop shows 0.1.
 */
export function processMetrics(): Registry {
  registry ??= collect();
  return registry;
}

function collect(): Registry {
  const register = new Registry();
  collectDefaultMetrics({ register, eventLoopMonitoringPrecision: LAG_LOOKS_EACH_MS });
  for (const name of COSTLY) register.removeSingleMetric(name);
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
