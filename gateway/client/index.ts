/** The SDK: `PresenceClient` for players, `PresenceSubscription` for dashboards; browsers and Node ≥ 20. */
export type { ChangeView, ProblemBody, SessionFields, SessionView, StatsView, Welcome } from '../protocol/messages.ts';
export type { Disconnection, LinkState } from './link.ts';
export type { LinkOptions, TokenProvider } from './link-options.ts';
export type * from './player-events.ts';
export { PresenceClient } from './presence-client.ts';
export { PresenceError, type PresenceErrorCode } from './presence-error.ts';
export { PresenceSubscription } from './presence-subscription.ts';
export type * from './subscription-events.ts';
export type { WebSocketConstructor, WebSocketLike } from './web-socket.ts';
