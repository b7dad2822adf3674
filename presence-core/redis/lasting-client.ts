/** What ioredis leaves open: clients that never end by themselves, and connections that collect no calls (P14). */
import type { Cluster, Command, Redis } from 'ioredis';
import { type BackOff, backOffMs, pause } from '../toolkit/retrying.ts';

/**
 * Connects a client again when it ended by itself, until somebody disconnects it. With Sentinel it can: a failover that
 * is announced while it asks the sentinels ends it for good. Listeners stay with the client.
 */
export function keepAlive(client: Redis | Cluster, backOff: BackOff): void {
  const disconnect = client.disconnect;
  let isWanted = true;
  client.disconnect = (reconnect = false): void => {
    isWanted &&= reconnect;
    disconnect.call(client, reconnect);
  };
  let attempt = 0;
  client.on('ready', () => {
    attempt = 0;
  });
  client.on('end', async () => {
    if (!isWanted) return;
    await pause(backOffMs(backOff, attempt++));
    // A failure is told by the event `error`, or leads to `end` again.
    if (isWanted && client.status === 'end') await client.connect().catch(() => undefined);
  });
}

/**
 * Refuses what would wait behind a call that had no answer in time. ioredis keeps that one, with its arguments, until the
 * connection answers or ends; the bound of calls in flight holds because nothing is added meanwhile.
 */
export function refuseBehindLateAnswers(connection: Redis, late: () => Error): void {
  const send = connection.sendCommand;
  connection.sendCommand = (command, stream): unknown => {
    const oldest = connection.commandQueue.peekFront()?.command as Command | undefined;
    if (!oldest?.isSettled) return send.call(connection, command, stream);
    command.reject(late());
    return command.promise;
  };
}

interface Connector {
  readonly failoverDetector?: { readonly sentinels: readonly { readonly client: Redis }[] };
}

/**
 * Hears the sentinels that ioredis subscribes to. Those that are down while another answers are no outage; ioredis prints
 * them to stderr unless somebody listens. Once one announces a new master, the client waits no longer to connect again.
 */
export function hearSentinels(client: Redis): void {
  const state = client as unknown as { connector: Connector; retryAttempts: number; reconnectTimeout: unknown };
  const connectNow = (): void => {
    if (client.status !== 'reconnecting') return;
    // Else it would connect once more when this one has failed and waits.
    clearTimeout(state.reconnectTimeout as NodeJS.Timeout);
    state.reconnectTimeout = null;
    // Another sentinel may not know of the master yet: then the pauses are short again.
    state.retryAttempts = 0;
    client.connect().catch(() => undefined);
  };
  client.on('connect', () => {
    for (const sentinel of state.connector.failoverDetector?.sentinels ?? []) {
      sentinel.client.on('error', () => {});
      sentinel.client.on('message', connectNow);
    }
  });
}
