/** What all nodes of a deployment must agree on, kept in Redis: the layout of the data and the secret of resume tokens. */
import { randomBytes } from 'node:crypto';
import { StoreError } from '../errors.ts';
import { SharedRead } from '../toolkit/single-flight.ts';
import type { RedisClient } from './connection.ts';
import { BUCKETS, configKey } from './keys.ts';

export class RedisDeployment {
  /** '' until it was read. */
  secret = '';
  private readonly pings = new SharedRead((_: 'ping') => this.client.hexists(configKey(this.prefix), 'layout'));
  private readonly client: RedisClient;
  private readonly prefix: string;
  private readonly shards: number;

  constructor(client: RedisClient, prefix: string, shards: number) {
    this.client = client;
    this.prefix = prefix;
    this.shards = shards;
  }

  async ping(): Promise<void> {
    await this.pings.ask('ping');
  }

  /**
   * Reads what was agreed; whoever comes first writes it, the secret as it knows it.
   * @throws StoreError `store_misconfigured` when the layout is another one.
   */
  async check(): Promise<void> {
    const key = configKey(this.prefix);
    const layout = `${this.shards}x${BUCKETS}`;
    await this.client.hsetnx(key, 'layout', layout);
    await this.client.hsetnx(key, 'secret', this.secret || randomBytes(32).toString('hex'));
    const [stored, secret] = await this.client.hmget(key, 'layout', 'secret');
    if (stored !== layout) {
      const detail = `this node has shards x buckets ${layout}, the deployment '${this.prefix}' ${stored}`;
      throw new StoreError('store_misconfigured', `PRESENCE_SHARDS is fixed for a deployment: ${detail}`);
    }
    this.secret = secret as string;
  }
}
