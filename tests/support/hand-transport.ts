/** A transport without a network: the test opens sockets, sends their messages and closes them, by hand. */
import type {
  CreateTransport,
  TransportHandlers,
  TransportSocket,
  UpgradeRequest,
} from '../../gateway/transport/transport.ts';
import type { Frame } from './player.ts';

const FROM: UpgradeRequest = {
  path: '/ws',
  remoteAddress: '127.0.0.1',
  host: undefined,
  origin: undefined,
  forwardedFor: undefined,
};

export interface HandConnection {
  /** What the gateway sent. */
  readonly sent: Frame[];
  /** Code of the close by the gateway. */
  closedBy: number | undefined;
  send(message: object): void;
  /** The client is gone. Until then it answers pings. */
  cut(): void;
}

export class HandTransport {
  private handlers!: TransportHandlers;
  private opened = 0;

  readonly create: CreateTransport = (_, handlers) => {
    this.handlers = handlers;
    return {
      name: 'ws',
      sockets: 0,
      traffic: { messagesReceived: 0, bytesReceived: 0, messagesSent: 0, bytesSent: 0 },
      listen: async () => 1,
      stopListening: () => {},
      close: async () => {},
    };
  };

  /** What a new connection is answered. */
  upgrade(): 'accept' | number {
    return this.handlers.upgrade(FROM);
  }

  open(): HandConnection {
    this.opened += 1;
    const { handlers } = this;
    const connection: HandConnection = {
      sent: [],
      closedBy: undefined,
      send: (message) => handlers.message(socket, JSON.stringify(message)),
      cut: () => handlers.close(socket, 1006),
    };
    const socket: TransportSocket = {
      id: this.opened,
      remoteAddress: FROM.remoteAddress,
      bufferedBytes: 0,
      send: (text) => connection.sent.push(JSON.parse(text)) > 0,
      ping: () => handlers.pong(socket),
      close: (code) => {
        connection.closedBy = code;
      },
      terminate: () => {},
    };
    handlers.open(socket, FROM);
    return connection;
  }
}
