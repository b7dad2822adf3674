/** A bounded stream per node: news of its sockets' sessions that another node's call ended or moved (P5). */
import type { Redis } from 'ioredis';
import type { Displaced } from '../session.ts';
import type { InboxMessage, StoreInbox } from '../store/inbox.ts';
import { type RedisClient, ready, within } from './connection.ts';
import { unavailable } from './failures.ts';
import { inboxKey } from './keys.ts';

const INBOX_MAX = 10_000;
/** A dead node's inbox vanishes by itself. */
const INBOX_TTL_MS = 3_600_000;
const BLOCK_MS = 5_000;
const RETRY_MS = 250;

export class RedisInbox implements StoreInbox {
  private readonly readers = new Map<string, RedisClient>();
  private readonly client: RedisClient;
  private readonly connect: () => RedisClient;
  private readonly prefix: string;

  constructor(client: RedisClient, connect: () => RedisClient, prefix: string) {
    this.client = client;
    this.connect = connect;
    this.prefix = prefix;
  }

  async notify(displaced: readonly Displaced[], by?: InboxMessage['by']): Promise<void> {
    if (displaced.length === 0) return;
    const sends = displaced.flatMap(({ owner, session, reason }) => {
      if (typeof owner !== 'object') return [];
      const message: InboxMessage = {
        userId: session.userId,
        sessionId: session.sessionId,
        connection: owner.connection,
        reason,
        ...(by && { by }),
      };
      const key = inboxKey(this.prefix, owner.nodeId);
      return [
        this.client.xadd(key, 'MAXLEN', '~', INBOX_MAX, '*', 'm', JSON.stringify(message)),
        this.client.pexpire(key, INBOX_TTL_MS),
      ];
    });
    await Promise.all(sends).catch((error) => {
      throw unavailable(error);
    });
  }

  listen(nodeId: string, deliver: (message: InboxMessage) => void): void {
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

  private async follow(
    key: string,
    reader: RedisClient,
    deliver: (message: InboxMessage) => void,
    current: () => boolean,
  ): Promise<void> {
    // A node id is new, so its inbox is read from the start.
    let last = '0-0';
    while (current()) {
      try {
        await ready(reader, BLOCK_MS);
        const reply = (await within((reader as Redis).xread('BLOCK', BLOCK_MS, 'STREAMS', key, last), BLOCK_MS * 2)) as
          | [string, [string, string[]][]][]
          | null;
        for (const [id, fields] of reply?.[0]?.[1] ?? []) {
          last = id;
          if (current()) deliver(JSON.parse(fields[1] as string) as InboxMessage);
        }
      } catch {
        // What was missed meanwhile shows at the next renewal.
        if (!current()) return;
        if (reader.status === 'ready') reader.disconnect(true);
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
    reader.disconnect();
  }
}
