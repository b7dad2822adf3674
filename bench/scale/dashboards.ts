/** Dashboards of one gateway over a Redis that is full: what they read costs Redis, beyond what an idle gateway costs it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { SUBPROTOCOL } from '../../gateway/protocol/messages.ts';
import { GatewayProcess } from '../gateway-process.ts';
import type { Cost } from './cost.ts';
import type { ScaleBed } from './scale-bed.ts';

const SETTLE_MS = 3_000;
const AT_REST_MS = 5_000;
/** A snapshot that takes longer is given up. */
const HOPELESS_MS = 200_000;
const SESSION = Buffer.from('"sessionId":');
const LAST = Buffer.from('"last":true');
const STATS = Buffer.from('"topic":"stats"');

/** What a dashboard's wish cost, without what the gateway does anyhow. */
export interface Watched {
  readonly redisMs: number;
  readonly gatewayMs: number;
  readonly elapsedMs: number;
  /** Sessions of a snapshot, or frames. */
  readonly received: number;
}

export class Dashboards {
  private readonly bed: ScaleBed;
  private readonly gateway: GatewayProcess;
  private atRest: Cost | undefined;
  private gatewayUsAtRest = 0;

  private constructor(bed: ScaleBed, gateway: GatewayProcess) {
    this.bed = bed;
    this.gateway = gateway;
  }

  /**
   * Runs `work` with a gateway, which is ended whatever happens.
   * @param atRestMs how long it is looked at before.
   */
  static async during<Result>(
    bed: ScaleBed,
    work: (dashboards: Dashboards) => Promise<Result>,
    atRestMs = AT_REST_MS,
  ): Promise<Result> {
    const gateway = await GatewayProcess.start({ TRANSPORT: 'uws', REDIS_URL: bed.url });
    try {
      const dashboards = new Dashboards(bed, gateway);
      await sleep(SETTLE_MS);
      const gatewayUs = gateway.cpuUs();
      dashboards.atRest = await bed.cost(() => sleep(atRestMs));
      dashboards.gatewayUsAtRest = gateway.cpuUs() - gatewayUs;
      return await work(dashboards);
    } finally {
      await gateway.stop();
    }
  }

  /**
   * Of dashboards that come at the same time, until all have their last pages. `received` is what each of them got: -1 when
   * that did not come in time, NaN when not all got the same.
   */
  async snapshots(topic: string, count: number): Promise<Watched> {
    const others = await Promise.all(Array.from({ length: count - 1 }, () => observer(this.gateway.wsPort)));
    try {
      return await this.watch(topic, async (socket) => {
        const received = [socket, ...others].map(wholeOn);
        for (const other of others) other.send(JSON.stringify({ type: 'subscribe', topic }));
        const sizes = new Set(await Promise.all(received));
        const [size = Number.NaN] = sizes.size === 1 ? sizes : [];
        return size;
      });
    } finally {
      for (const other of others) other.terminate();
    }
  }

  /** Of topic `stats` for a while, its first frame left out. */
  stats(forMs: number): Promise<Watched> {
    return this.watch('stats', async (socket) => {
      let frames = 0;
      socket.on('message', (data: Buffer) => {
        if (data.includes(STATS)) frames += 1;
      });
      await sleep(forMs);
      return frames;
    });
  }

  private async watch(topic: string, received: (socket: WebSocket) => Promise<number>): Promise<Watched> {
    const socket = await observer(this.gateway.wsPort);
    try {
      const gatewayUs = this.gateway.cpuUs();
      let count = 0;
      const cost = await this.bed.cost(async () => {
        const done = received(socket);
        socket.send(JSON.stringify({ type: 'subscribe', topic }));
        count = await done;
      });
      const atRest = this.atRest as Cost;
      const share = cost.elapsedMs / atRest.elapsedMs;
      return {
        redisMs: (cost.redisUs - atRest.redisUs * share) / 1_000,
        gatewayMs: (this.gateway.cpuUs() - gatewayUs - this.gatewayUsAtRest * share) / 1_000,
        elapsedMs: cost.elapsedMs,
        received: count,
      };
    } finally {
      socket.terminate();
    }
  }
}

/** @returns how many sessions a snapshot had, once its last page is here; -1 when that did not come in time. */
function wholeOn(socket: WebSocket): Promise<number> {
  let sessions = 0;
  return new Promise((resolve) => {
    const cut = setTimeout(() => resolve(-1), HOPELESS_MS);
    socket.on('message', (data: Buffer) => {
      sessions += countOf(data, SESSION);
      if (!data.includes(LAST)) return;
      clearTimeout(cut);
      resolve(sessions);
    });
  });
}

function observer(port: number): Promise<WebSocket> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/ws`, SUBPROTOCOL, { maxPayload: 0 });
    socket.once('error', reject);
    socket.once('open', () => socket.send(JSON.stringify({ type: 'hello', observe: true })));
    // The welcome.
    socket.once('message', () => resolve(socket));
  });
}

function countOf(data: Buffer, part: Buffer): number {
  let count = 0;
  for (let at = data.indexOf(part); at >= 0; at = data.indexOf(part, at + part.length)) count += 1;
  return count;
}
