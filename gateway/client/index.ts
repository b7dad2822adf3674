/** The SDK: `PresenceClient` for players, `PresenceSubscription` for dashboards; browsers, React Native and Node ≥ 20. */
export type {
  ChangeView,
  ProblemBody,
  SessionFields,
  SessionView,
  StatsView,
  TopItem,
  Welcome,
} from '../protocol/messages.ts';
export type { ConnectedEvents, ConnectionState, Status } from './connected.ts';
export type { Disconnection } from './disconnection.ts';
export type * from './player-events.ts';
export { PresenceClient } from './presence-client.ts';
export { PresenceConnection } from './presence-connection.ts';
export { PresenceError, type PresenceErrorCode } from './presence-error.ts';
export { PresenceSubscription } from './presence-subscription.ts';
export type { SocketOptions, TokenProvider } from './socket-options.ts';
export type * from './subscription-events.ts';
export { type SharedWebSocketOptions, sharedWebSocket } from './tabs.ts';
export type { Count } from './topic-view.ts';
export type { WebSocketConstructor, WebSocketLike } from './web-socket.ts';
