/** Registers all metrics of one process. */
import type { PresenceStore } from '../../presence-core/index.ts';
import type { HistoryWriter } from '../history/history-writer.ts';
import type { GatewayNode } from '../node/node.ts';
import type { Replica } from '../replica/replica.ts';
import type { Gateway } from '../sessions/gateway.ts';
import { VERSION } from '../version.ts';
import { registerGatewayMetrics } from './gateway-metrics.ts';
import { registerHistoryMetrics } from './history-metrics.ts';
import type { Metrics } from './metrics.ts';
import { registerReplicaMetrics } from './replica-metrics.ts';
import { registerStoreMetrics } from './store-metrics.ts';

export interface ServerParts {
  /** Without `observeStore`, so that scrapes do not measure themselves. */
  readonly store: PresenceStore;
  readonly node: GatewayNode;
  /** Undefined without the role `gateway`. */
  readonly gateway: Gateway | undefined;
  /** Undefined when this process writes no history. */
  readonly writer: HistoryWriter | undefined;
  readonly replica: Replica | undefined;
}

export function registerServerMetrics(metrics: Metrics, { store, node, gateway, writer, replica }: ServerParts): void {
  const labels = {
    version: VERSION,
    transport: gateway?.transportName ?? 'none',
    store: store.name,
    node_version: process.version,
  };
  metrics.gauge(
    {
      name: 'info',
      jointly: 'max',
      help: 'Version, transport and store of this process; always 1',
      labels: Object.keys(labels),
    },
    () => [{ labels, value: 1 }],
  );
  metrics.gauge(
    { name: 'node_sessions_held', help: 'Sessions held by WebSockets of this node' },
    () => node.sessionsHeld,
  );
  if (gateway) registerGatewayMetrics(gateway, metrics);
  if (writer) registerHistoryMetrics(writer.sessions.report, writer.logReach, metrics);
  if (replica) registerReplicaMetrics(replica, metrics);
  registerStoreMetrics(store, metrics);
}
