/** Sockets, and how far their subscriptions are behind the log. */
import type { Gateway } from '../sessions/gateway.ts';
import { byLabel, type Metrics } from './metrics.ts';

export function registerGatewayMetrics(gateway: Gateway, metrics: Metrics): void {
  const { counters, hub } = gateway;
  metrics.gauge({ name: 'sockets', help: 'Open sockets', labels: ['kind'] }, () => byLabel('kind', gateway.census()));
  metrics.counter({ name: 'sockets_accepted_total', help: 'Sockets accepted' }, () => counters.accepted);
  metrics.counter({ name: 'sockets_refused_total', help: 'Upgrades refused', labels: ['reason'] }, () =>
    byLabel('reason', counters.refused),
  );
  metrics.counter(
    { name: 'sockets_closed_total', help: 'Sockets closed, by the name of the code', labels: ['code'] },
    () => byLabel('code', counters.closed),
  );
  metrics.counter(
    { name: 'socket_messages_received_total', help: 'Messages received' },
    () => gateway.traffic.messagesReceived,
  );
  metrics.counter({ name: 'socket_messages_sent_total', help: 'Messages queued' }, () => gateway.traffic.messagesSent);
  metrics.counter(
    { name: 'socket_received_bytes_total', help: 'Bytes of messages received' },
    () => gateway.traffic.bytesReceived,
  );
  metrics.counter(
    { name: 'socket_sent_bytes_total', help: 'Bytes of messages queued' },
    () => gateway.traffic.bytesSent,
  );
  metrics.gauge(
    { name: 'log_lag_entries', help: 'Entries of the log that the subscriptions have not been told yet' },
    () => hub.behind(),
  );
  metrics.counter(
    { name: 'log_gaps_total', help: 'Times the subscriptions lost their place in the log' },
    () => hub.gaps,
  );
}
