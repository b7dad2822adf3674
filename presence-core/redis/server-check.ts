/** What a Redis must and should be like. */
import type { Redis } from 'ioredis';
import { StoreError } from '../errors.ts';
import { mastersOf, type RedisClient } from './connection.ts';
import type { Warn } from './failures.ts';

/** Rows are longer than the 64 bytes up to which Redis packs a hash as installed. */
const LISTPACK_VALUE_MIN = 256;

const UNSAFE_FAILOVER =
  'Redis can fail over and min-replicas-to-write is 0: a master that is cut off goes on admitting, ' +
  'and what it took is lost after the failover (users over their limit, sessions closed): set min-replicas-to-write 1';

const LATE_REFUSAL =
  'A Redis master that is cut off takes writes for longer than NODE_LEASE_MS, and ends the sessions of gateways that ' +
  'it cannot hear: set min-replicas-max-lag to less than that, in seconds (5)';

export class ServerSettings {
  private readonly client: RedisClient;
  private readonly nodeLeaseMs: number;
  private readonly warn: Warn;
  /** Each warning is given once. */
  private readonly given = new Set<string>();
  private isWatching = false;

  constructor(client: RedisClient, nodeLeaseMs: number, warn: Warn) {
    this.client = client;
    this.nodeLeaseMs = nodeLeaseMs;
    this.warn = warn;
  }

  /**
   * Refuses a server that is too old, and warns of settings that cost data or memory; again after each reconnection, as
   * it may be another server then. On Cluster all masters.
   * @throws StoreError `store_misconfigured`
   */
  async check(): Promise<void> {
    for (const server of mastersOf(this.client)) {
      if (Number.parseInt(await versionOf(server), 10) < 7) {
        throw new StoreError('store_misconfigured', 'Redis 7.0 or newer is needed');
      }
      await this.warnOf(server);
    }
    if (this.isWatching) return;
    this.isWatching = true;
    // What fails here fails for others too, and is told by them.
    this.client.on('ready', () =>
      Promise.all(mastersOf(this.client).map((server) => this.warnOf(server))).catch(() => {}),
    );
  }

  private async warnOf(server: Redis): Promise<void> {
    const policy = await setting(server, 'maxmemory-policy');
    if (policy && policy !== 'noeviction') {
      this.once('Redis may delete presence when memory is short: set maxmemory-policy noeviction', { policy });
    }
    const value = await setting(server, 'hash-max-listpack-value');
    if (value && Number(value) < LISTPACK_VALUE_MIN) {
      const advice = `set hash-max-listpack-value ${LISTPACK_VALUE_MIN}`;
      this.once(`Redis uses more memory a session than it must: ${advice}`, { value });
    }
    const replicas = Number(/connected_slaves:(\d+)/.exec(await server.info('replication'))?.[1]);
    // Sentinel promotes a replica that is away at the moment, too.
    const canFailOver = replicas > 0 || server.options.sentinels;
    if (!canFailOver) return;
    if ((await setting(server, 'min-replicas-to-write')) === '0') {
      this.once(UNSAFE_FAILOVER, { replicas });
      return;
    }
    const lagS = Number(await setting(server, 'min-replicas-max-lag'));
    // 0 turns the check of the lag off.
    if (lagS === 0 || lagS * 1_000 >= this.nodeLeaseMs) this.once(LATE_REFUSAL, { 'min-replicas-max-lag': lagS });
  }

  private once(message: string, details: Record<string, unknown>): void {
    if (this.given.has(message)) return;
    this.given.add(message);
    this.warn(message, details);
  }
}

/** As `7.0.15`. */
export async function versionOf(server: Redis): Promise<string> {
  return /redis_version:([\d.]+)/.exec(await server.info('server'))?.[1] ?? '';
}

/** Undefined where a managed service forbids CONFIG; then nothing can be said. */
async function setting(server: Redis, name: string): Promise<string | undefined> {
  const reply = await server.config('GET', name).catch(() => []);
  return (reply as string[])[1];
}
