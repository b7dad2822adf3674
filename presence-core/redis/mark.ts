/**
 * Proves that a reader's own connection leads to the server that calls write to (P11). A blocked read may stay with a
 * master that another one has replaced: that still answers, and its silence looks like quiet.
 *
 * Calls write a mark, and each read asks for it on its own connection. A reader that does not see a mark which was
 * acknowledged before it asked is astray. A master of a Cluster that no longer serves its slots says so itself (MOVED,
 * CLUSTERDOWN): there is nothing to prove.
 */
import { randomBytes } from 'node:crypto';
import { StoreError } from '../errors.ts';
import type { RedisClient } from './connection.ts';
import type { Warn } from './failures.ts';
import { markKey } from './keys.ts';
import { runVerb } from './verbs.ts';

/** The least time between two marks. */
const MARK_EVERY_MS = 200;
/** Of a process that is gone, the mark vanishes by itself. */
const MARK_TTL_MS = 3_600_000;

/** The connection leads elsewhere: what was read on it is not to be trusted, and it must be made anew. */
export class AstrayError extends StoreError {
  constructor() {
    super('store_unavailable', 'Redis: a reader is connected to another server than the calls');
  }
}

export class RedisMark {
  /** Connections found astray so far. */
  strays = 0;
  private readonly key: string;
  private readonly client: RedisClient;
  private readonly warn: Warn;
  /** Instants by `performance.now()`; that at which a mark was sent is its text. */
  private sentAt = Number.NEGATIVE_INFINITY;
  private acknowledgedAt = Number.NEGATIVE_INFINITY;
  /** Since the last proof: one line in the log for many. */
  private isAstray = false;

  constructor(client: RedisClient, prefix: string, warn: Warn) {
    this.client = client;
    this.key = markKey(prefix, randomBytes(8).toString('hex'));
    this.warn = warn;
  }

  /** Writes a mark, unless there was one a moment ago. Nobody waits for it: it is for the reads to come. */
  renew(): void {
    const now = performance.now();
    if (this.client.isCluster || now - this.sentAt < MARK_EVERY_MS) return;
    this.sentAt = now;
    runVerb(this.client, 'mark', [this.key], [String(now), String(MARK_TTL_MS)]).then(
      () => {
        this.acknowledgedAt = Math.max(this.acknowledgedAt, now);
      },
      // While the store is away nothing can be proven, and callers hear of it by their own calls.
      () => {},
    );
  }

  /**
   * Asks for the mark on a reader's connection, which must be ready. What is sent on it afterwards sees all that was
   * acknowledged before the instant that this resolves with (by `performance.now()`; -Infinity: no mark was seen yet).
   * @throws AstrayError
   */
  async prove(reader: RedisClient): Promise<number> {
    // No mark is written there, and its master may be away while that of the reader answers.
    if (this.client.isCluster) return Number.NEGATIVE_INFINITY;
    const expectedAt = this.acknowledgedAt;
    const seenAt = await this.on(reader);
    if (seenAt < expectedAt) {
      // Gone for calls as well, it was lost with the rest, or has expired: another begins.
      if ((await this.on(this.client)) > seenAt) throw this.stray();
      this.acknowledgedAt = Number.NEGATIVE_INFINITY;
    } else if (seenAt > Number.NEGATIVE_INFINITY) {
      this.isAstray = false;
    }
    return seenAt;
  }

  /** When the newest mark was sent that a connection sees. */
  private async on(connection: RedisClient): Promise<number> {
    const text = await connection.get(this.key);
    return text === null ? Number.NEGATIVE_INFINITY : Number(text);
  }

  private stray(): AstrayError {
    this.strays += 1;
    if (!this.isAstray) this.warn('a reader was connected to another Redis than the calls: connecting it again');
    this.isAstray = true;
    return new AstrayError();
  }
}
