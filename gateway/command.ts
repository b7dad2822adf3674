/** The command: configuration, log, signals. */
import type { Logger } from 'pino';
import { ConfigError, describeConfig, helpText, loadConfig, printedConfig } from './config/config.ts';
import { MAX_HEAD_BYTES } from './http/server/http-server.ts';
import { createLog } from './log.ts';
import { type Server, startServer } from './server.ts';

/** One process of several is behind a load balancer, which has to notice; an embedded store has no other process. */
const REDIS_DELAY_MS = 2_000;
/** What a drain may take beyond its window before the process is ended. */
const STOP_SLACK_MS = 15_000;
/** Ctrl-C reaches a server under `npm start` twice: from the terminal, and passed on by npm. Two within this are one. */
const SAME_SIGNAL_MS = 500;

/** Reads the configuration or ends the process with what is wrong with it. */
export function readConfig(): ReturnType<typeof loadConfig> {
  try {
    const config = loadConfig(process.env, process.argv.slice(2));
    if (config.help) process.stdout.write(helpText());
    else if (config.printConfig) process.stdout.write(printedConfig(config));
    else if (config.check) process.stdout.write('The settings are valid.\n');
    else return config;
    process.exit(0);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exit(2);
  }
}

function fail(log: Logger, error: unknown): never {
  log.fatal({ err: error }, error instanceof Error ? error.message : String(error));
  process.exit(1);
}

/** Starts the server and ties it to the process: SIGTERM and SIGINT drain it, a second one ends it at once. */
export async function run(config: ReturnType<typeof loadConfig>, log: Logger): Promise<Server> {
  log.info({ pid: process.pid, config: describeConfig(config) }, 'starting');
  // uWebSockets.js reads it while it loads; by itself it takes 4 KB of head where that arrives in several segments.
  process.env.UWS_HTTP_MAX_HEADERS_SIZE ??= String(MAX_HEAD_BYTES);
  const server = await startServer(config, log);
  let stoppingAt: number | undefined;
  const stop = async (signal: string): Promise<void> => {
    if (stoppingAt !== undefined) {
      if (performance.now() - stoppingAt < SAME_SIGNAL_MS) return;
      process.exit(1);
    }
    stoppingAt = performance.now();
    const { drainMs, drainDelayMs: delayMs = config.redisUrl === '' ? 0 : REDIS_DELAY_MS } = config;
    log.info({ signal, delayMs, drainMs }, 'draining');
    // Also keeps the process alive until all is stopped, whatever its parts wait for.
    setTimeout(
      () => {
        log.error('the drain took too long');
        process.exit(1);
      },
      delayMs + drainMs + STOP_SLACK_MS,
    );
    await server.stop(drainMs, delayMs);
    log.info('stopped');
    process.exit(0);
  };
  process.on('SIGTERM', (signal) => void stop(signal));
  process.on('SIGINT', (signal) => void stop(signal));
  await Promise.race([server.ready, server.refused]);
  // The store may be ready before the database has refused.
  server.refused.catch((error) => fail(log, error));
  return server;
}

/** Runs until a signal; a failure to start, or one that nobody handled, is one log line and ends the process. */
export async function main(started: (server: Server) => void = () => {}): Promise<void> {
  const config = readConfig();
  const log = createLog(config.logLevel);
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    process.on(event, (error) => fail(log, error));
  }
  try {
    started(await run(config, log));
  } catch (error) {
    fail(log, error);
  }
}
