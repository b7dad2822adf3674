/** socket.io on node:http. */
import { createServer } from 'node:http';
import { HOST, idsOf, statusText, tellReady } from './serving.mjs';
import { makeServer, status } from './socketio-presence.mjs';

const server = createServer(async (request, response) => {
  if (!request.url.startsWith('/status/users')) return;
  const ids = idsOf(request.url);
  const text = statusText(ids, await status(ids));
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }).end(text);
});

makeServer().attach(server);
server.listen(0, HOST, () => tellReady(server.address().port));
