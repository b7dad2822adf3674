/** Connections that wait for news of the log, each with a proof that it reads what calls write (P11). */
import type { Redis } from 'ioredis';
import { backOffMs } from '../toolkit/retrying.ts';
import type { TimeBound } from '../toolkit/time-bound.ts';
import { type RedisClient, ready } from './connection.ts';
import { toStoreError } from './failures.ts';
import { AstrayError, type RedisMark } from './mark.ts';
import { readBound } from './outage.ts';

const READY_WAIT_MS = 1_000;
/** More are closed once they are done: a reader that wants other shards leaves its read to end. */
const IDLE_MAX = 4;
/** Between reads, while one connection after the other is astray: each makes readers begin anew. */
const PAUSES = { firstMs: 500, maxMs: 5_000 };

export type StreamReply = [key: string, entries: [id: string, fields: string[]][]][] | null;

/** A log, and the id after which it is read. */
export interface LogPlace {
  readonly shard: number;
  readonly key: string;
  readonly after: string;
}

export interface LogAnswer {
  readonly reply: StreamReply;
  /** See `LogPage`. */
  readonly asOf: number;
}

export class LogConnections {
  /** Those that are not waiting now; a blocking read never shares one. */
  private readonly idle: Redis[] = [];
  private readonly open = new Set<Redis>();
  /** Bounds of blocking reads, by how long they wait: callers have two or three waits. */
  private readonly bounds = new Map<number, TimeBound>();
  private readonly connect: () => RedisClient;
  private readonly mark: RedisMark;
  private straysInRow = 0;
  private pausedUntil = 0;

  /** @param connect makes a connection to a Redis that is no Cluster. */
  constructor(connect: () => RedisClient, mark: RedisMark) {
    this.connect = connect;
    this.mark = mark;
  }

  stop(): void {
    for (const reader of this.open) reader.disconnect();
  }

  /**
   * @returns undefined when the connection was astray.
   * @throws StoreError
   */
  async read(places: readonly LogPlace[], count: number, waitMs: number): Promise<LogAnswer | undefined> {
    if (performance.now() < this.pausedUntil) throw new AstrayError();
    const reader = this.idle.pop() ?? (this.connect() as Redis);
    this.open.add(reader);
    await this.ready(reader);
    try {
      const streams = [...places.map(({ key }) => key), ...places.map(({ after }) => after)];
      // Both commands leave in one packet.
      reader.stream.cork();
      const proof = this.mark.prove(reader);
      const read =
        waitMs > 0
          ? reader.xread('COUNT', count, 'BLOCK', waitMs, 'STREAMS', ...streams)
          : reader.xread('COUNT', count, 'STREAMS', ...streams);
      reader.stream.uncork();
      const [asOf, reply] = await this.boundOf(waitMs)(Promise.all([proof, read as Promise<StreamReply>]));
      if (this.idle.length < IDLE_MAX) this.idle.push(reader);
      else this.discard(reader);
      this.straysInRow = 0;
      this.mark.renew();
      return { reply, asOf };
    } catch (error) {
      // A reader whose answer is outstanding cannot be used again, nor one that is astray.
      this.discard(reader);
      if (!(error instanceof AstrayError)) throw toStoreError(error);
      if (this.straysInRow > 0) this.pausedUntil = performance.now() + backOffMs(PAUSES, this.straysInRow - 1);
      this.straysInRow += 1;
      return undefined;
    }
  }

  /** A reader that is not ready in time goes on connecting: sentinels that do not answer take a second each. */
  private async ready(reader: Redis): Promise<void> {
    try {
      await ready(reader, READY_WAIT_MS);
    } catch (error) {
      // The handshake has no time bound of its own.
      if (reader.status === 'connect') this.discard(reader);
      else this.idle.push(reader);
      throw error;
    }
  }

  private discard(reader: Redis): void {
    reader.disconnect();
    this.open.delete(reader);
  }

  private boundOf(waitMs: number): TimeBound {
    let bound = this.bounds.get(waitMs);
    if (!bound) {
      bound = readBound(waitMs);
      this.bounds.set(waitMs, bound);
    }
    return bound;
  }
}
