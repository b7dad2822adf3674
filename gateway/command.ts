/** The command: configuration, log, signals. */
import type { Logger } from 'pino';
import { checkSurroundings, printedFindings } from './check.ts';
import { type Config, ConfigError, describeConfig, helpText, loadConfig, printedConfig } from './config/config.ts';
import { hardlyMeant } from './config/hardly-meant.ts';
import { workerCount } from './config/worker-count.ts';
import { MAX_HEAD_BYTES } from './http/server/http-server.ts';
import { createLog } from './log.ts';
import { type Server, startServer } from './server.ts';
import { endOnSignals } from './shutdown.ts';
import { Parent } from './workers/parent.ts';
import { placeOfWorker, WorkerLink } from './workers/worker.ts';

/** Reads the configuration or ends the process with what is wrong with it. */
export function readConfig(): ReturnType<typeof loadConfig> {
  try {
    const config = loadConfig(process.env, process.argv.slice(2));
    if (config.help) process.stdout.write(helpText());
    else if (config.printConfig) process.stdout.write(printedConfig(config));
    else return config;
    process.exit(0);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exit(2);
  }
}

/** Ends the process, with 1 when something would keep it from serving. */
async function check(config: ReturnType<typeof loadConfig>): Promise<never> {
  const findings = await checkSurroundings(config);
  process.stdout.write(`ok       settings: valid\n${printedFindings(findings)}`);
  process.exit(findings.some(({ level }) => level === 'fault') ? 1 : 0);
}

function fail(log: Logger, error: unknown): never {
  log.fatal({ err: error }, error instanceof Error ? error.message : String(error));
  process.exit(1);
}

/** The server of this process. @param link of a worker. */
async function start(config: Config, log: Logger, link: WorkerLink | undefined): Promise<Server> {
  // uWebSockets.js reads it while it loads; by itself it takes 4 KB of head where that arrives in several segments.
  process.env.UWS_HTTP_MAX_HEADERS_SIZE ??= String(MAX_HEAD_BYTES);
  const server = await startServer(config, log, link);
  const shutdown = endOnSignals(config, log, ({ drainMs, delayMs }) =>
    server.stop(drainMs, delayMs, () => link?.leave()),
  );
  link?.serve(server, shutdown, config.drainMs);
  await Promise.race([server.ready, server.refused]);
  return server;
}

/** What it starts with; the parent of workers says it for all of them. */
function announce(config: Config, log: Logger): void {
  log.info({ pid: process.pid, config: describeConfig(config) }, 'starting');
  for (const message of hardlyMeant(config)) log.warn(message);
}

/** Starts the server and ties it to the process: SIGTERM and SIGINT drain it, a second one ends it at once. */
export async function run(config: Config, log: Logger): Promise<Server> {
  announce(config, log);
  const server = await start(config, log, undefined);
  // The store may be ready before the database has refused.
  server.refused.catch((error) => fail(log, error));
  return server;
}

/** As `run`; the parent has said what the settings are, and says why it cannot start. */
async function runWorker(config: Config, log: Logger): Promise<Server> {
  log.info({ pid: process.pid }, 'starting worker');
  const link = new WorkerLink(log);
  try {
    const server = await start(config, log, link);
    server.refused.catch((error) => link.refuse(error));
    return server;
  } catch (error) {
    return link.refuse(error);
  }
}

/**
 * Runs until a signal; a failure to start, or one that nobody handled, is one log line and ends the process.
 * @param started told of the server of this process; not called in the parent of workers.
 */
export async function main(started: (server: Server) => void = () => {}): Promise<void> {
  const config = readConfig();
  if (config.check) await check(config);
  const worker = placeOfWorker(process.env);
  const log = createLog(config.logLevel, undefined, worker === undefined ? {} : { worker });
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    process.on(event, (error) => fail(log, error));
  }
  try {
    if (worker !== undefined) started(await runWorker(config, log));
    else if (workerCount(config) === 1) started(await run(config, log));
    else {
      announce(config, log);
      await Parent.run(config, log);
    }
  } catch (error) {
    fail(log, error);
  }
}
