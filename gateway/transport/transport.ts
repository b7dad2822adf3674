/**
 * What the gateway needs of a WebSocket server, and nothing more.
 *
 * Two implementations, `uws.ts` and `ws.ts`, pass one contract suite (tests/contract/transport/transport-contract.ts).
 * A transport moves frames: it parses no message, keeps no session and decides no policy.
 */

/** One accepted WebSocket. Every method is safe to call after the socket has closed: it then does nothing. */
export interface TransportSocket {
  /** Unique within this process: the connection number of a session's owner. */
  readonly id: number;
  /** Address of the peer, IPv4 in dotted form also when mapped into IPv6. */
  readonly remoteAddress: string;
  /** Bytes accepted by `send` and not yet handed to the kernel. */
  readonly bufferedBytes: number;
  /**
   * Queues one text frame.
   * @returns false when the frame was not queued: the socket is closed, or `maxBufferedBytes` would be exceeded.
   */
  send(text: string): boolean;
  /** Sends a protocol ping; the answer arrives at `handlers.pong`. */
  ping(): void;
  /** Starts a close handshake with `code`; `handlers.close` follows, within `closeTimeoutMs` even if the peer is silent. */
  close(code: number, reason: string): void;
  /** Cuts the connection at once; `handlers.close` follows with 1006. */
  terminate(): void;
}

/** What is known of a client before it is accepted. Header names in lower case. */
export interface UpgradeRequest {
  readonly path: string;
  readonly remoteAddress: string;
  readonly host: string | undefined;
  readonly origin: string | undefined;
  readonly forwardedFor: string | undefined;
}

export interface TransportHandlers {
  /** Decides synchronously. A number refuses the upgrade with that HTTP status. */
  upgrade(request: UpgradeRequest): 'accept' | number;
  /** An upgrade was answered with this HTTP status, by the transport itself or by the decision of `upgrade`. */
  refused(status: number): void;
  open(socket: TransportSocket, request: UpgradeRequest): void;
  /** `text` is undefined for a binary frame. Invalid UTF-8 never arrives here: the socket is closed 1007. */
  message(socket: TransportSocket, text: string | undefined): void;
  /** A ping of the peer, which the transport has answered. */
  ping(socket: TransportSocket): void;
  pong(socket: TransportSocket): void;
  /** Called exactly once for each opened socket: with the code given to `close`, else the peer's, else 1006. */
  close(socket: TransportSocket, code: number): void;
}

/** Messages of all sockets so far, and the bytes of their texts: what was handed to `handlers.message`, what was queued. */
export interface Traffic {
  messagesReceived: number;
  bytesReceived: number;
  messagesSent: number;
  bytesSent: number;
}

export interface TransportOptions {
  readonly path: string;
  /** Answered when the client offers it; not required of clients. */
  readonly subprotocol: string;
  /** A longer message closes its socket with 1009. */
  readonly maxMessageBytes: number;
  /** Bound of unsent bytes of one socket; `send` refuses beyond it. */
  readonly maxBufferedBytes: number;
  /** Bound of open sockets; further upgrades are answered 503. */
  readonly maxSockets: number;
  /** How long a peer may take to answer a close frame before it is cut; at least 4,000, as uWS has a clock of its own. */
  readonly closeTimeoutMs: number;
  /** Other processes listen on the same port: uWS by SO_REUSEPORT, `ws` by the handle that node:cluster shares. */
  readonly sharesPort?: boolean;
}

export interface Transport {
  readonly name: 'uws' | 'ws';
  /** Number of open sockets. */
  readonly sockets: number;
  readonly traffic: Readonly<Traffic>;
  /**
   * Binds and starts to accept.
   * @param port 0 picks a free one.
   * @returns the bound port.
   * @throws Error with the port named when it is taken.
   */
  listen(host: string, port: number): Promise<number>;
  /** Stops accepting new connections; open sockets stay. */
  stopListening(): void;
  /** Stops listening, cuts what is still open and frees the port. */
  close(): Promise<void>;
}

export type CreateTransport = (options: TransportOptions, handlers: TransportHandlers) => Transport;
