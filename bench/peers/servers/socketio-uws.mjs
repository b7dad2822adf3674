/** socket.io on uWebSockets.js, HTTP too. */
import uws from 'uWebSockets.js';
import { HOST, idsOf, statusText, tellReady } from './serving.mjs';
import { makeServer, status } from './socketio-presence.mjs';

const app = uws.App();
makeServer().attachApp(app);

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

app.listen(HOST, 0, (listening) => tellReady(uws.us_socket_local_port(listening)));
