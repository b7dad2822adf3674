/** Inside a worker: what it asks of the parent, and what the parent asks of it. */
import cluster from 'node:cluster';
import type { Logger } from 'pino';
import type { Readiness } from '../http/readiness.ts';
import type { Deployment } from '../http/routes/context.ts';
import type { Server } from '../server.ts';
import type { Shutdown } from '../shutdown.ts';
import { PARENT_ANSWER_MS, type ParentActs, type WorkerActs } from './acts.ts';
import { Channel, type Port } from './channel.ts';
import { WORKER_VARIABLE } from './worker-process.ts';

/** @returns its place, from 1; undefined: this process is no worker. */
export function placeOfWorker(env: Readonly<Record<string, string | undefined>>): number | undefined {
  const place = env[WORKER_VARIABLE];
  return cluster.isWorker && place !== undefined ? Number(place) : undefined;
}

/** Answers for all workers by asking the parent, and for itself alone when the parent does not answer. */
export class WorkerLink implements Deployment {
  private readonly channel: Channel<WorkerActs, ParentActs>;
  private readonly log: Logger;
  private shutdown: Shutdown = () => process.exit(0);
  private server: Server | undefined;

  constructor(log: Logger) {
    this.log = log;
    const acts: WorkerActs = {
      isAlive: () => true,
      metrics: async () => (await this.server?.metrics.values()) ?? [],
      readiness: () => this.ownReadiness(),
      setLogLevel: (level) => {
        log.level = level;
      },
      stop: (times) => this.shutdown('the parent', times),
    };
    this.channel = new Channel<WorkerActs, ParentActs>(process as Port, acts, PARENT_ANSWER_MS);
  }

  /** Rolls are the parent's; so is the end, and without a parent nobody would start it again: it drains. */
  serve(server: Server, shutdown: Shutdown, drainMs: number): void {
    this.server = server;
    this.shutdown = shutdown;
    // Else node:cluster ends the process at once.
    if (cluster.worker) cluster.worker.exitedAfterDisconnect = true;
    process.once('disconnect', () => shutdown('the parent is gone', { delayMs: 0, drainMs }));
    process.on('SIGHUP', () => {});
    void this.channel.tell('listening');
    void server.ready.then((facts) => facts && this.channel.tell('ready', facts)).catch(() => undefined);
  }

  async leave(): Promise<void> {
    await this.channel.tell('leave', (await this.server?.metrics.values()) ?? []);
  }

  /** It cannot start as it is configured: the parent says so, once for all workers. */
  async refuse(error: unknown): Promise<never> {
    await this.channel.tell('refuse', error instanceof Error ? error.message : String(error));
    process.exit(1);
  }

  async metrics(): Promise<string> {
    return this.channel.ask('metrics').catch(() => this.server?.metrics.text() ?? '');
  }

  async readiness(): Promise<Readiness> {
    return this.channel.ask('readiness').catch(() => this.ownReadiness());
  }

  setLogLevel(level: string): void {
    this.log.level = level;
    void this.channel.tell('setLogLevel', level);
  }

  private async ownReadiness(): Promise<Readiness> {
    return this.server ? this.server.readiness() : 'draining';
  }
}
