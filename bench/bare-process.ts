/**
 * Sockets and nothing else: uWebSockets.js, which pings by itself each 24 s and greets whoever says something. What it
 * takes to hold a socket on this machine, whoever does it.
 */
import { listenOn, loadUws } from '../gateway/transport/uws-module.ts';

/** Of it uWebSockets.js leaves 16 s for the answer to a ping. */
const IDLE_TIMEOUT_S = 40;

const uws = await loadUws();
if (uws instanceof Error) throw uws;
const app = uws.App().ws('/*', {
  idleTimeout: IDLE_TIMEOUT_S,
  sendPingsAutomatically: true,
  message: (socket) => {
    socket.send('{"type":"welcome"}');
  },
});
const listening = await listenOn(app, '127.0.0.1', 0);
if (!listening) throw new Error('no free port');
const port = uws.us_socket_local_port(listening);
process.on('SIGTERM', () => process.exit(0));
process.stdout.write(`${JSON.stringify({ msg: 'ready', wsPort: port, httpPort: port })}\n`);
