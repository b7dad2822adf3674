/**
 * Nodes of gateways without players, in a process of their own: each joins, beats, sweeps and listens to its inbox over
 * connections of its own, as a process does. Tells whenever its sweeps have ended sessions.
 */
import { GatewayNode } from '../../gateway/node/node.ts';
import { RedisStore, retrying } from '../../presence-core/index.ts';
import { inLanes } from '../players.ts';

export interface NodesOrder {
  readonly url: string;
  readonly shards: number;
  readonly nodes: number;
  readonly sweepMs: number;
}

export type NodesReport = { readonly what: 'joined' } | { readonly what: 'ended'; readonly ended: number };

/** As processes come one after the other. */
const JOINING_AT_ONCE = 4;
const RETRY = { firstMs: 500, maxMs: 2_000 };

const BEAT_MS = 3_000;
const LEASE_MS = 10_000;
const SESSION_LEASE_MS = 600_000;
const GRACE_MS = 10_000;

const tell = (report: NodesReport): void => {
  process.send?.(report);
};
const log = {
  info: () => {},
  warn: () => {},
  error: (fields: object, message: string) => process.stderr.write(`${message} ${JSON.stringify(fields)}\n`),
};

async function startNode({ url, shards, sweepMs }: NodesOrder): Promise<void> {
  const store = new RedisStore({ url, shards, sweepGapMs: sweepMs / 2, leaseMaxMs: 2 * 3_600_000 });
  const sweep = store.nodes.sweep.bind(store.nodes);
  store.nodes.sweep = async () => {
    const result = await sweep();
    if (result.ended > 0) tell({ what: 'ended', ended: result.ended });
    return result;
  };
  const node = new GatewayNode({
    store,
    log,
    beatMs: BEAT_MS,
    leaseMs: LEASE_MS,
    sweepMs,
    sessionLeaseMs: SESSION_LEASE_MS,
    resumeGraceMs: GRACE_MS,
  });
  // As a process does while the store is not available.
  await retrying(RETRY, async () => {
    await store.start();
    await node.start();
  });
  tell({ what: 'joined' });
}

process.once('message', async (order: NodesOrder) => {
  const nodes = Array.from({ length: order.nodes }, (_, i) => i);
  await inLanes(nodes, JOINING_AT_ONCE, () => startNode(order));
});
process.once('disconnect', () => process.exit(0));
