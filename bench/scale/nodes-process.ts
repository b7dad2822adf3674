/**
 * Nodes of gateways without players, in a process of their own: each joins, beats, sweeps and listens to its inbox over
 * connections of its own, as a process does. Tells whenever its sweeps have ended sessions.
 */
import { GatewayNode } from '../../gateway/node/node.ts';
import { RedisStore } from '../../presence-core/index.ts';

export interface NodesOrder {
  readonly url: string;
  readonly shards: number;
  readonly nodes: number;
  readonly sweepMs: number;
}

export type NodesReport = { readonly what: 'ready' } | { readonly what: 'ended'; readonly ended: number };

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
  await store.start();
  const node = new GatewayNode({
    store,
    log,
    beatMs: BEAT_MS,
    leaseMs: LEASE_MS,
    sweepMs,
    sessionLeaseMs: SESSION_LEASE_MS,
    resumeGraceMs: GRACE_MS,
  });
  await node.start();
}

process.once('message', async (order: NodesOrder) => {
  await Promise.all(Array.from({ length: order.nodes }, () => startNode(order)));
  tell({ what: 'ready' });
});
process.once('disconnect', () => process.exit(0));
