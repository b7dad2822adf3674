/** SDK clients as tests use them: quick timers, and closed when the test is over. */
import { WebSocket } from 'ws';
import type { PresenceClientEvents, PresenceClientOptions } from '../../gateway/client/player-events.ts';
import { PresenceClient } from '../../gateway/client/presence-client.ts';
import { PresenceSubscription } from '../../gateway/client/presence-subscription.ts';
import type {
  PresenceSubscriptionEvents,
  PresenceSubscriptionOptions,
} from '../../gateway/client/subscription-events.ts';

/** Only the backoff is short: a bound on an answer must not strike on a busy machine. */
const QUICK = { WebSocket, backoffBaseMs: 5, backoffCapMs: 20, stableAfterMs: 1_000 };

const made: { close(): void }[] = [];

export function playerOf(options: PresenceClientOptions): PresenceClient {
  const client = new PresenceClient({ ...QUICK, ...options });
  made.push(client);
  return client;
}

export function subscriptionOf(options: PresenceSubscriptionOptions): PresenceSubscription {
  const subscription = new PresenceSubscription({ ...QUICK, ...options });
  made.push(subscription);
  return subscription;
}

export function closeClients(): void {
  for (const client of made.splice(0)) client.close();
}

/** The next event of a name. */
export function next<Name extends keyof PresenceClientEvents>(
  of: PresenceClient,
  name: Name,
): Promise<PresenceClientEvents[Name]>;
export function next<Name extends keyof PresenceSubscriptionEvents>(
  of: PresenceSubscription,
  name: Name,
): Promise<PresenceSubscriptionEvents[Name]>;
export function next(of: { on(name: never, listener: (event: unknown) => void): () => void }, name: string) {
  return new Promise((resolve) => {
    const off = of.on(name as never, (event) => {
      off();
      resolve(event);
    });
  });
}
