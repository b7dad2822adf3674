/** Renewals by the thousand: grouped by shard, node and lease, so that a group's check and keys are made once. */
import type { RenewRequest } from '../store/sessions.ts';
import type { InFlight } from './in-flight.ts';
import { keptId, userKeys } from './keys.ts';
import { ownerText } from './rows.ts';
import type { RedisShards } from './shards.ts';

/** Items of one call: some 2 ms of Redis. */
const ITEMS_PER_CALL = 500;

/** Requests of one shard, node and lease. */
interface Group {
  readonly shard: number;
  readonly head: readonly [node: string, leaseMs: string];
  readonly args: string[];
  /** Where each item's result belongs. */
  readonly indexes: number[];
}

/** One call: groups of one shard on Cluster, else of many. */
interface RenewCall {
  readonly shard: number;
  readonly args: string[];
  readonly indexes: number[];
}

export class RedisRenewals {
  private readonly shards: RedisShards;
  private readonly inFlight: InFlight;

  constructor(shards: RedisShards, inFlight: InFlight) {
    this.shards = shards;
    this.inFlight = inFlight;
  }

  /**
   * Renews leases; results in the order of the requests, each as `read` makes it of the reply.
   * @param failed the result of one that raised an error, which is its own.
   * @throws StoreError `overloaded` at once when too much is in flight.
   */
  renew<Result>(requests: readonly RenewRequest[], read: (reply: string) => Result, failed: Result): Promise<Result[]> {
    return this.inFlight.during(requests.length, async () => {
      const results = new Array<Result>(requests.length);
      await Promise.all(
        renewCalls(requests, this.shards).map(async ({ shard, args, indexes }) => {
          const keys = this.keysOf(shard, indexes, requests);
          const replies = await this.shards.run<string | Error>('renew', keys, args);
          indexes.forEach((index, i) => {
            const reply = replies[i] as string | Error;
            if (reply instanceof Error) this.shards.failed(reply);
            results[index] = reply instanceof Error ? failed : read(reply);
          });
        }),
      );
      return results;
    });
  }

  private keysOf(shard: number, indexes: readonly number[], requests: readonly RenewRequest[]): string[] {
    if (!this.shards.isCluster) return [];
    const users = indexes.map((index) => {
      const { userId } = requests[index] as RenewRequest;
      return { userId, bucket: this.shards.placeOf(userId).bucket };
    });
    return this.shards.declaredKeys(shard, users);
  }
}

function renewCalls(requests: readonly RenewRequest[], shards: RedisShards): RenewCall[] {
  const groups = new Map<string, Group>();
  requests.forEach(({ userId, sessionId, owner, leaseMs }, index) => {
    const { shard, bucket } = shards.placeOf(userId);
    const node = typeof owner === 'object' ? owner.nodeId : '';
    const key = `${shard} ${node} ${leaseMs}`;
    let group = groups.get(key);
    if (!group || group.indexes.length >= ITEMS_PER_CALL) {
      // A full group stays in the list under a key of its own.
      if (group) groups.set(`${key} ${index}`, group);
      group = { shard, head: [node, String(leaseMs)], args: [], indexes: [] };
      groups.set(key, group);
    }
    const [set, rows] = userKeys(shards.prefixOf(shard), userId, bucket);
    const session = keptId(sessionId);
    group.args.push(set, rows, `${keptId(userId)} ${session}`, session, ownerText(owner));
    group.indexes.push(index);
  });
  const calls: RenewCall[] = [];
  for (const { shard, head, args, indexes } of groups.values()) {
    let call = calls.at(-1);
    const fits =
      call && call.indexes.length + indexes.length <= ITEMS_PER_CALL && (!shards.isCluster || call.shard === shard);
    if (!call || !fits) {
      call = { shard, args: [], indexes: [] };
      calls.push(call);
    }
    call.args.push(shards.prefixOf(shard), ...head, String(indexes.length));
    for (const arg of args) call.args.push(arg);
    for (const index of indexes) call.indexes.push(index);
  }
  return calls;
}
