/** Metrics of WebSockets and their subscriptions. */
import type { Gateway } from '../sessions/gateway.ts';
import { byLabel, type Metrics } from './metrics.ts';

export function registerGatewayMetrics(gateway: Gateway, metrics: Metrics): void {
  const { counters, hub } = gateway;
  metrics.gauge({ name: 'sockets', help: 'Open WebSockets by kind', labels: ['kind'] }, () =>
    byLabel('kind', gateway.census()),
  );
  metrics.gauge(
    { name: 'sockets_max', help: 'WebSockets that may be open; more are refused' },
    () => gateway.maxSockets,
  );
  metrics.counter({ name: 'sockets_accepted_total', help: 'WebSockets accepted' }, () => counters.accepted);
  metrics.counter(
    { name: 'sockets_refused_total', help: 'WebSocket upgrades refused, by reason', labels: ['reason'] },
    () => byLabel('reason', counters.refused),
  );
  metrics.counter(
    { name: 'sockets_closed_total', help: 'WebSockets closed, by close code name', labels: ['code'] },
    () => byLabel('code', counters.closed),
  );
  metrics.counter(
    { name: 'socket_messages_received_total', help: 'WebSocket messages received' },
    () => gateway.traffic.messagesReceived,
  );
  metrics.counter(
    { name: 'socket_messages_sent_total', help: 'WebSocket messages queued for sending' },
    () => gateway.traffic.messagesSent,
  );
  metrics.counter(
    { name: 'socket_received_bytes_total', help: 'Bytes of WebSocket messages received' },
    () => gateway.traffic.bytesReceived,
  );
  metrics.counter(
    { name: 'socket_sent_bytes_total', help: 'Bytes of WebSocket messages queued for sending' },
    () => gateway.traffic.bytesSent,
  );
  metrics.gauge(
    { name: 'log_lag_entries', jointly: 'max', help: 'Change log entries not yet delivered to subscriptions' },
    () => hub.behind(),
  );
  metrics.counter(
    { name: 'log_gaps_total', help: 'Gaps in the change log: each makes subscriptions start again with a snapshot' },
    () => hub.gaps,
  );
}
