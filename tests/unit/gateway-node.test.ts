/** The node towards a store whose answers the test gives by hand. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import type { HeldPlayer, ReopenIntent } from '../../gateway/node/held-player.ts';
import { GatewayNode } from '../../gateway/node/node.ts';
import { MemoryStore, StoreError } from '../../presence-core/index.ts';
import { until } from '../support/servers.ts';

const log = { warn: () => {} };
const TIMES = { beatMs: 10, leaseMs: 10_000, sweepMs: 1_000, sessionLeaseMs: 600_000, resumeGraceMs: 1_000 };

test('[P9] a join whose answer is lost is repeated, and then its sessions are opened again and its inbox is read', async () => {
  const store = new MemoryStore();
  const { join, beat } = store.nodes;
  const node = new GatewayNode({ store, log, ...TIMES });
  await node.start();
  const former = node.nodeId;
  const reopened: [ReopenIntent, string][] = [];
  const player: HeldPlayer = {
    connection: 1,
    session: { userId: 'u', sessionId: 's', owner: node.owner(1), degraded: false },
    opening: undefined,
    renewSlot: 0,
    reopen: async (intent) => {
      reopened.push([intent, node.nodeId]);
      return true;
    },
    displaced: () => {},
  };
  node.track(player);
  const listening: string[] = [];
  store.inbox.listen = (nodeId) => void listening.push(nodeId);
  let isLost = false;
  store.nodes.join = async (nodeId, leaseMs) => {
    const result = await join.call(store.nodes, nodeId, leaseMs);
    if (isLost) return result;
    isLost = true;
    throw new StoreError('store_unavailable', 'no answer in time');
  };
  store.nodes.beat = async (nodeId, leaseMs) => {
    const result = await beat.call(store.nodes, nodeId, leaseMs);
    return nodeId === former ? { ...result, outcome: 'fenced' } : result;
  };
  try {
    await until(() => reopened.length > 0);
    expect(node.nodeId).not.toBe(former);
    expect(reopened).toEqual([['resume', node.nodeId]]);
    expect(listening).toEqual([node.nodeId]);
    await sleep(50);
    expect(reopened).toHaveLength(1);
  } finally {
    await node.stop();
  }
});

test('[P9] a former id is not kept alive when giving it up had no answer', async () => {
  const store = new MemoryStore();
  const { beat, quit } = store.nodes;
  const node = new GatewayNode({ store, log, ...TIMES });
  await node.start();
  const former = node.nodeId;
  let isFenced = false;
  store.nodes.beat = async (nodeId, leaseMs) => {
    const result = await beat.call(store.nodes, nodeId, leaseMs);
    if (nodeId !== former || isFenced) return result;
    isFenced = true;
    return { ...result, outcome: 'fenced' };
  };
  const quits: string[] = [];
  store.nodes.quit = async (nodeId) => {
    quits.push(nodeId);
    if (quits.length === 1) throw new StoreError('store_unavailable', 'no answer in time');
    await quit.call(store.nodes, nodeId);
  };
  try {
    await until(() => quits.length === 2);
    expect(quits).toEqual([former, former]);
    const owner = { nodeId: former, connection: 1 };
    const open = { userId: 'u', sessionId: 's', attributes: {}, owner, leaseMs: 60_000, intent: 'fresh' } as const;
    expect(await store.sessions.open(open)).toEqual({ outcome: 'fenced' });
  } finally {
    await node.stop();
  }
});
