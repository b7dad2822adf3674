/** Bounds the open connections of a server of Node. */
import type { Server } from 'node:net';

/** Beside a gateway's sockets: connections that are none yet, or wait for their 503; what is more is cut. */
export const SPARE_CONNECTIONS = 256;

/**
 * More than `max` are cut. With a port that node:cluster shares, Node's own `maxConnections` hands a connection on to
 * another process instead, and when all are full round and round; so there each process cuts what is too much for it.
 */
export function limitConnections(server: Server, max: number, sharesPort = false): void {
  if (!sharesPort) {
    server.maxConnections = max;
    return;
  }
  let open = 0;
  server.on('connection', (socket) => {
    open += 1;
    socket.once('close', () => {
      open -= 1;
    });
    if (open > max) socket.destroy();
  });
}
