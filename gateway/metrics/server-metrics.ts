/** All that one process tells of itself, put together. */
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
  /** The unobserved one, so that scrapes do not measure themselves. */
  readonly store: PresenceStore;
  readonly node: GatewayNode;
  /** Absent in a process that takes no sockets. */
  readonly gateway: Gateway | undefined;
  /** Absent in a process that writes no history. */
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
  metrics.gauge({ name: 'info', help: 'What runs here', labels: Object.keys(labels) }, () => [{ labels, value: 1 }]);
  metrics.gauge(
    { name: 'node_sessions_held', help: 'Sessions held by the sockets of this node' },
    () => node.sessionsHeld,
  );
  if (gateway) registerGatewayMetrics(gateway, metrics);
  if (writer) registerHistoryMetrics(writer.sessions.report, metrics);
  if (replica) registerReplicaMetrics(replica, metrics);
  registerStoreMetrics(store, metrics);
}
