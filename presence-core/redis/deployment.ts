/** What all nodes of a deployment must agree on, kept in Redis: where users are placed, the secret of resume tokens, settings. */
import { randomBytes } from 'node:crypto';
import { StoreError } from '../errors.ts';
import { SharedRead } from '../toolkit/single-flight.ts';
import type { RedisClient } from './connection.ts';
import { BUCKETS, configKey, layoutKey } from './keys.ts';
import { isOutage } from './outage.ts';

/** Shards x buckets; then the seed, unless the deployment was begun without one. */
const LAYOUT = /^(\d+x\d+)(?: seed ([0-9a-f]{8}))?$/;

export interface SettingDifference {
  readonly name: string;
  readonly here: string;
  /** In the process that started last. */
  readonly there: string;
}

const isDifference = (one: { name: string; here: string; there: string | null }): one is SettingDifference =>
  one.there !== null;

/** What an operator reads of it. */
export function describeDifference({ name, here, there }: SettingDifference): string {
  const cure = `set it to ${there} here, or restart the others with ${here}`;
  return `${name} is ${here} here and was ${there} in the process that started last: ${cure}`;
}

export class RedisDeployment {
  /** '' until it was read. */
  secret = '';
  /** Of the hash that places users (P18); 0 until it was read, and in a deployment without one. */
  seed = 0;
  /** As it is stored; '' until it was read. */
  private layout = '';
  private readonly pings = new SharedRead((_: 'ping') => this.client.hexists(configKey(this.prefix), 'layout'));
  private readonly client: RedisClient;
  private readonly prefix: string;
  private readonly shardPrefixes: readonly string[];

  constructor(client: RedisClient, prefix: string, shardPrefixes: readonly string[]) {
    this.client = client;
    this.prefix = prefix;
    this.shardPrefixes = shardPrefixes;
  }

  /** Where users are placed was read: before that a call would look for them elsewhere. */
  get isKnown(): boolean {
    return this.layout !== '';
  }

  async ping(): Promise<void> {
    await this.pings.ask('ping');
  }

  /**
   * Reads what was agreed. Whoever finds nothing writes it: the layout as a shard has it still, else both as this process
   * knows them, else new ones. Nothing is written that is there already, as Redis may be out of memory.
   * @throws StoreError `store_misconfigured` when the layout is another one.
   */
  async check(): Promise<void> {
    const key = configKey(this.prefix);
    const copies = await Promise.all(this.shardPrefixes.map((prefix) => this.copyIn(prefix)));
    let [layout, secret] = await this.client.hmget(key, 'layout', 'secret');
    if (!layout || !secret) {
      const known = copies.find((copy) => copy !== null) ?? (this.layout || this.newLayout());
      await this.client.hsetnx(key, 'layout', known);
      await this.client.hsetnx(key, 'secret', this.secret || randomBytes(32).toString('hex'));
      // Another process may have come first.
      [layout, secret] = await this.client.hmget(key, 'layout', 'secret');
    }
    if (!layout || !secret) throw new StoreError('store_unavailable', 'Redis was emptied just now');
    const seed = this.seedOf(layout);
    await Promise.all(
      this.shardPrefixes.map((prefix, shard) => copies[shard] !== layout && this.client.set(layoutKey(prefix), layout)),
    );
    this.layout = layout;
    this.secret = secret;
    this.seed = seed;
  }

  /**
   * Compares settings that should be equal in all processes with those of the process that started last, and keeps these.
   * Not refused: a change has to be rolled out to one process after the other.
   */
  async compare(settings: Readonly<Record<string, string>>): Promise<SettingDifference[]> {
    const changed = await this.changed(settings);
    if (changed.length > 0) {
      await this.client.hset(configKey(this.prefix), Object.fromEntries(changed.map(({ name, here }) => [name, here])));
    }
    return changed.filter(isDifference);
  }

  /**
   * The same without a write. A deployment that does not exist yet has no differences.
   * @throws StoreError `store_misconfigured` when the layout is another one.
   */
  async inspect(settings: Readonly<Record<string, string>>): Promise<SettingDifference[]> {
    const layout = await this.client.hget(configKey(this.prefix), 'layout');
    if (layout) this.seedOf(layout);
    return (await this.changed(settings)).filter(isDifference);
  }

  private async changed(settings: Readonly<Record<string, string>>) {
    const names = Object.keys(settings);
    if (names.length === 0) return [];
    const stored = await this.client.hmget(configKey(this.prefix), ...names);
    return names
      .map((name, i) => ({ name, here: settings[name] as string, there: stored[i] ?? null }))
      .filter(({ here, there }) => here !== there);
  }

  /** One of a wrong type is none, and is written anew. */
  private async copyIn(shardPrefix: string): Promise<string | null> {
    return this.client.get(layoutKey(shardPrefix)).catch((error) => {
      if (isOutage(error)) throw error;
      return null;
    });
  }

  /** In one text, so that whoever comes first has agreed on all of it. */
  private newLayout(): string {
    return `${this.size} seed ${randomBytes(4).toString('hex')}`;
  }

  private get size(): string {
    return `${this.shardPrefixes.length}x${BUCKETS}`;
  }

  private seedOf(layout: string): number {
    const [, size = 'a layout of another version', seed = '0'] = LAYOUT.exec(layout) ?? [];
    if (size !== this.size) {
      const detail = `this node has shards x buckets ${this.size}, the deployment '${this.prefix}' ${size}`;
      throw new StoreError('store_misconfigured', `PRESENCE_SHARDS is fixed for a deployment: ${detail}`);
    }
    return Number.parseInt(seed, 16);
  }
}
