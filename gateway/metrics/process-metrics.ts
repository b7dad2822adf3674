/** What Node tells of the process: one set however many servers run in it, as what it starts cannot be stopped. */
import { readdir } from 'node:fs/promises';
import { monitorEventLoopDelay } from 'node:perf_hooks';
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

/** How often the delay of the event loop is looked at. */
const DELAY_RESOLUTION_MS = 10;
const DELAY_QUANTILES = [0.5, 0.99, 1];

let registry: Registry | undefined;

/** From the first call on: CPU, memory, garbage collection, and the event loop since the last scrape. */
export function processMetrics(): Registry {
  registry ??= collect();
  return registry;
}

function collect(): Registry {
  const register = new Registry();
  collectDefaultMetrics({ register });
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
  addEventLoopDelay(register);
  return register;
}

/** Node's figures, and prom-client's with them, count the time between two looks as delay: an idle loop shows 10 ms. */
function addEventLoopDelay(register: Registry): void {
  const delays = monitorEventLoopDelay({ resolution: DELAY_RESOLUTION_MS });
  delays.enable();
  new Gauge({
    name: 'presence_event_loop_delay_seconds',
    help: 'How late the event loop was, since the last scrape; quantile 1 is the worst',
    labelNames: ['quantile'],
    registers: [register],
    collect() {
      this.reset();
      if (delays.count === 0) return;
      for (const quantile of DELAY_QUANTILES) {
        const delayMs = delays.percentile(quantile * 100) / 1e6 - DELAY_RESOLUTION_MS;
        this.set({ quantile }, Math.max(0, delayMs) / 1_000);
      }
      delays.reset();
    },
  });
}
