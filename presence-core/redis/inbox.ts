/** A bounded stream per node: news of its sockets' sessions that another node's call ended or moved (P5), and of nodes. */
import type { Redis } from 'ioredis';
import type { Displaced } from '../session.ts';
import type { Broadcast, InboxMessage, NodeMessage, StoreInbox } from '../store/inbox.ts';
import { retrying } from '../toolkit/retrying.ts';
import { type RedisClient, ready } from './connection.ts';
import { toStoreError } from './failures.ts';
import { inboxKey } from './keys.ts';
import type { StreamReply } from './log-connections.ts';
import { AstrayError, type RedisMark } from './mark.ts';
import { readBound } from './outage.ts';
import { runVerb } from './verbs.ts';

const INBOX_MAX = 10_000;
/** A dead node's inbox vanishes by itself. */
const INBOX_TTL_MS = 3_600_000;
/** So long a lost connection may stay unnoticed. */
const BLOCK_MS = 2_000;
const RETRIES = { firstMs: 250, maxMs: 250 };

type Deliver = (message: NodeMessage) => void;

export class RedisInbox implements StoreInbox {
  private readonly readers = new Map<string, RedisClient>();
  private readonly bound = readBound(BLOCK_MS);
  private readonly client: RedisClient;
  private readonly connect: () => RedisClient;
  private readonly prefix: string;
  private readonly mark: RedisMark;

  constructor(client: RedisClient, connect: () => RedisClient, prefix: string, mark: RedisMark) {
    this.client = client;
    this.connect = connect;
    this.prefix = prefix;
    this.mark = mark;
  }

  async notify(displaced: readonly Displaced[], by?: InboxMessage['by']): Promise<void> {
    if (displaced.length === 0) return;
    const sends = displaced.map(async ({ owner, session, reason }) => {
      if (typeof owner !== 'object') return;
      const message: InboxMessage = {
        userId: session.userId,
        sessionId: session.sessionId,
        connection: owner.connection,
        reason,
        ...(by && { by }),
      };
      await this.append(owner.nodeId, JSON.stringify(message));
    });
    await Promise.all(sends);
  }

  async send(nodeIds: readonly string[], message: Broadcast): Promise<void> {
    // A node of an earlier version takes it for a message to a socket, and has none of this user.
    const text = JSON.stringify({ userId: '', ...message });
    await Promise.all(nodeIds.map((nodeId) => this.append(nodeId, text)));
  }

  private async append(nodeId: string, text: string): Promise<void> {
    const key = inboxKey(this.prefix, nodeId);
    const args = [String(INBOX_MAX), String(INBOX_TTL_MS), text];
    await runVerb(this.client, 'notify', [key], args).catch((error) => {
      throw toStoreError(error);
    });
  }

  listen(nodeId: string, deliver: Deliver): void {
    this.stop(nodeId);
    const reader = this.connect();
    this.readers.set(nodeId, reader);
    void this.follow(inboxKey(this.prefix, nodeId), reader, deliver, () => this.readers.get(nodeId) === reader);
  }

  /** @param nodeId all when absent. */
  stop(nodeId?: string): void {
    for (const [id, reader] of this.readers) {
      if (nodeId !== undefined && id !== nodeId) continue;
      this.readers.delete(id);
      reader.disconnect();
    }
  }

  /** Reads the inbox until the reader is another one. What is missed while Redis is away shows at the next renewal. */
  private async follow(key: string, reader: RedisClient, deliver: Deliver, isCurrent: () => boolean): Promise<void> {
    // A node id is new, so its inbox is read from the start.
    let last = '0-0';
    const readOn = async (): Promise<void> => {
      await ready(reader, BLOCK_MS);
      const proof = this.mark.prove(reader);
      const read = (reader as Redis).xread('BLOCK', BLOCK_MS, 'STREAMS', key, last) as Promise<StreamReply>;
      const [, reply] = await this.bound(Promise.all([proof, read]));
      this.mark.renew();
      for (const [id, fields] of reply?.[0]?.[1] ?? []) {
        last = id;
        const message = JSON.parse(fields[1] as string) as NodeMessage;
        if (isCurrent()) deliver(message);
        // It may be long, and comes from each node after an outage.
        if ('renew' in message) this.client.xdel(key, id).catch(() => {});
      }
    };
    const failed = (error: unknown): void => {
      // Another server numbers messages by another clock. What comes twice finds its session displaced already.
      if (error instanceof AstrayError) last = '0-0';
      // Also in its handshake, which has no time bound of its own.
      if (isCurrent() && (reader.status === 'ready' || reader.status === 'connect')) reader.disconnect(true);
    };
    while (isCurrent()) await retrying({ ...RETRIES, wanted: isCurrent, failed }, readOn);
  }
}
