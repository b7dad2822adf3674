/**
 * The network of a device whose lid can be closed. A page cannot cut a connection as a lost network does: its sockets are
 * closed without a `leave`, which to the server is a lost player as well, and no other gets through.
 */

const CLOSED = 3;
/** No reason, no close frame: the connection was lost. */
const LOST = { code: 1006, reason: '' };

/** What a socket is where there is no network. */
class DeadSocket {
  readyState = CLOSED;
  onclose = null;

  constructor() {
    setTimeout(() => this.onclose?.(LOST));
  }

  send() {}

  close() {}
}

export class Cable {
  isOut = false;
  #sockets = new Set();

  /** For the SDK’s option of this name: it is called with `new`, and gives the socket to use. */
  get WebSocket() {
    const cable = this;
    return function CableSocket(url, protocols) {
      if (cable.isOut) return new DeadSocket();
      const socket = new WebSocket(url, protocols);
      cable.#sockets.add(socket);
      socket.addEventListener('close', () => cable.#sockets.delete(socket));
      return socket;
    };
  }

  pull() {
    this.isOut = true;
    for (const socket of this.#sockets) socket.close();
  }

  plugIn() {
    this.isOut = false;
  }
}
