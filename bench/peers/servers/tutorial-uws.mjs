/** The tutorial on uWebSockets.js, HTTP too. */
import uws from 'uWebSockets.js';
import { HOST, idsOf, statusText, tellReady } from './serving.mjs';
import { onChange, status } from './tutorial-presence.mjs';
import { TutorialSession } from './tutorial-session.mjs';

const app = uws.App();

app.ws('/*', {
  idleTimeout: 120,
  open: (socket) => {
    const data = socket.getUserData();
    data.session = new TutorialSession({
      send: (text) => !data.isClosed && socket.send(text),
      watch: () => socket.subscribe('changes'),
    });
  },
  message: (socket, message) => void socket.getUserData().session.received(Buffer.from(message).toString()),
  close: (socket) => {
    const data = socket.getUserData();
    data.isClosed = true;
    data.session.closed();
  },
});

app.get('/status/users', async (response, request) => {
  let isGone = false;
  response.onAborted(() => {
    isGone = true;
  });
  const ids = idsOf(`?${request.getQuery()}`);
  const text = statusText(ids, await status(ids));
  if (isGone) return;
  response.cork(() => response.writeHeader('content-type', 'application/json').end(text));
});

await onChange((text) => app.publish('changes', text));
app.listen(HOST, 0, (listening) => tellReady(uws.us_socket_local_port(listening)));
