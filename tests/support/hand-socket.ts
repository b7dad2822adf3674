/** WebSockets whose other end is the test itself: it opens them, answers and closes, by hand. */
import type { WebSocketConstructor, WebSocketLike } from '../../gateway/client/web-socket.ts';
import type { Frame } from './player.ts';
import { welcome } from './scripted-server.ts';

const CONNECTING = 0;
const OPEN = 1;
const CLOSED = 3;

export class HandSocket implements WebSocketLike {
  readyState = CONNECTING;
  onopen: WebSocketLike['onopen'] = null;
  onmessage: WebSocketLike['onmessage'] = null;
  onclose: WebSocketLike['onclose'] = null;
  onerror: WebSocketLike['onerror'] = null;
  /** What the client sent, without pings. */
  readonly sent: Frame[] = [];
  /** Code of the close by the client. */
  closedBy: number | undefined;

  /** Pings, which it answers unless it is told not to. */
  pings = 0;
  answersPings = true;

  send(data: string): void {
    const frame = JSON.parse(data) as Frame;
    if (frame.type !== 'ping') this.sent.push(frame);
    else {
      this.pings += 1;
      if (this.answersPings) queueMicrotask(() => this.reply({ type: 'pong' }));
    }
  }

  close(code = 1000): void {
    this.closedBy = code;
    this.readyState = CLOSED;
  }

  /** The server takes the connection: the client says hello. */
  accept(): void {
    this.readyState = OPEN;
    this.onopen?.(undefined as never);
  }

  reply(message: object): void {
    this.onmessage?.({ data: JSON.stringify(message) });
  }

  /** Takes the connection and accepts the hello. */
  welcome(more: object = {}): void {
    this.accept();
    this.reply({ ...welcome(this.sent[0] as Frame), ...more });
  }

  /** The server closes, or the network does. */
  end(code: number): void {
    this.readyState = CLOSED;
    this.onclose?.({ code, reason: '' });
  }
}

/** @returns the option `WebSocket` of a client, and all sockets that it opened so far. */
export function handSockets(): { readonly WebSocket: WebSocketConstructor; readonly sockets: HandSocket[] } {
  const sockets: HandSocket[] = [];
  const WebSocket = class extends HandSocket {
    constructor() {
      super();
      sockets.push(this);
    }
  };
  return { WebSocket, sockets };
}
