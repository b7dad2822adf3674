/** Renewals by the thousand: grouped by shard, node and lease, so that a group's check and keys are made once. */

import type { RenewRequest } from '../store/sessions.ts';
import { placeOf, userKeys } from './keys.ts';
import { ownerText } from './rows.ts';

/** Items of one call: some 2 ms of Redis. */
const ITEMS_PER_CALL = 500;

interface Group {
  readonly shard: number;
  readonly head: readonly [node: string, leaseMs: string];
  readonly args: string[];
  /** Where each item's result belongs. */
  readonly indexes: number[];
}

export interface RenewCall {
  readonly shard: number;
  readonly args: readonly string[];
  readonly indexes: readonly number[];
}

/**
 * @param prefixes key prefix of each shard.
 * @param apart one shard a call, as Cluster needs it.
 */
export function renewCalls(
  requests: readonly RenewRequest[],
  prefixes: readonly string[],
  apart: boolean,
): RenewCall[] {
  const groups = new Map<string, Group>();
  requests.forEach(({ userId, sessionId, owner, leaseMs }, index) => {
    const { shard, bucket } = placeOf(userId, prefixes.length);
    const node = typeof owner === 'object' ? owner.nodeId : '';
    const key = `${shard} ${node} ${leaseMs}`;
    let group = groups.get(key);
    if (!group || group.indexes.length >= ITEMS_PER_CALL) {
      // A full group stays in the list under a key of its own.
      if (group) groups.set(`${key} ${index}`, group);
      group = { shard, head: [node, String(leaseMs)], args: [], indexes: [] };
      groups.set(key, group);
    }
    const [set, rows] = userKeys(prefixes[shard] as string, userId, bucket);
    group.args.push(set, rows, `${userId} ${sessionId}`, sessionId, ownerText(owner));
    group.indexes.push(index);
  });
  const calls: { shard: number; args: string[]; indexes: number[] }[] = [];
  for (const { shard, head, args, indexes } of groups.values()) {
    let call = calls.at(-1);
    const fits = call && call.indexes.length + indexes.length <= ITEMS_PER_CALL && (!apart || call.shard === shard);
    if (!call || !fits) {
      call = { shard, args: [], indexes: [] };
      calls.push(call);
    }
    call.args.push(prefixes[shard] as string, ...head, String(indexes.length));
    for (const arg of args) call.args.push(arg);
    for (const index of indexes) call.indexes.push(index);
  }
  return calls;
}
