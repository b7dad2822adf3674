/** The tutorial on `ws` and node:http. */
import { createServer } from 'node:http';
import { WebSocketServer } from 'ws';
import { HOST, idsOf, statusText, tellReady } from './serving.mjs';
import { onChange, status } from './tutorial-presence.mjs';
import { TutorialSession } from './tutorial-session.mjs';

const watchers = new Set();

const server = createServer(async (request, response) => {
  const ids = idsOf(request.url);
  const text = statusText(ids, await status(ids));
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }).end(text);
});

new WebSocketServer({ server, perMessageDeflate: false }).on('connection', (socket) => {
  const session = new TutorialSession({
    send: (text) => socket.readyState === socket.OPEN && socket.send(text),
    watch: () => watchers.add(socket),
  });
  socket.on('message', (data) => void session.received(data.toString()));
  socket.on('close', () => {
    watchers.delete(socket);
    session.closed();
  });
});

await onChange((text) => {
  for (const socket of watchers) socket.send(text);
});
server.listen(0, HOST, () => tellReady(server.address().port));
