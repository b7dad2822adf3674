/** A server on loopback without authentication, and the pages that a browser of this machine shows. */
import { request } from 'node:http';
import { afterEach, describe, expect, test } from '@jest/globals';
import { Player } from '../support/player.ts';
import { startTestServer, type TestServer } from '../support/servers.ts';

let server: TestServer;
afterEach(() => server.stop(0));

function statusOf(method: string, path: string, headers: Record<string, string>): Promise<number> {
  return new Promise((resolve, reject) => {
    const sent = request({ port: server.httpPort, host: '127.0.0.1', method, path, headers }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    sent.on('error', reject);
    sent.end();
  });
}

describe.each(['uws', 'ws'])('%s', (TRANSPORT) => {
  test('[W1] a foreign page does not connect, nor one under a name of its own that leads here', async () => {
    server = await startTestServer({ TRANSPORT });
    const connect = (headers: Record<string, string>): Promise<unknown> => Player.connect(server.wsPort, { headers });
    await expect(connect({ origin: 'https://evil.example' })).rejects.toThrow('403');
    await expect(connect({ host: `evil.example:${server.wsPort}` })).rejects.toThrow('403');
    await connect({ origin: 'http://localhost:3000' });
    await connect({});
  });

  test('neither reaches HTTP: no route of it, and no preflight', async () => {
    server = await startTestServer({ TRANSPORT });
    const rebound = { host: `evil.example:${server.httpPort}` };
    const foreign = { origin: 'https://evil.example' };
    for (const headers of [rebound, foreign]) {
      expect(await statusOf('GET', '/online', headers)).toBe(403);
      expect(await statusOf('DELETE', '/sessions/u', headers)).toBe(403);
      expect(await statusOf('POST', `/analytics?timestamp=${Date.now()}&user=u&event=click`, headers)).toBe(403);
      expect(await statusOf('OPTIONS', '/sessions/u', headers)).toBe(403);
    }
    const unnamed = { 'sec-fetch-site': 'cross-site' };
    expect(await statusOf('DELETE', '/sessions/u', unnamed)).toBe(403);
    expect(await statusOf('POST', `/analytics?timestamp=${Date.now()}&user=u&event=click`, unnamed)).toBe(403);
    // A link, or a script of the SDK that a page of another name loads.
    expect(await statusOf('GET', '/docs', unnamed)).toBe(200);
    expect(await statusOf('DELETE', '/sessions/u', { 'sec-fetch-site': 'same-origin' })).toBe(204);
    expect(await statusOf('GET', '/online', { origin: `http://localhost:${server.httpPort}` })).toBe(200);
    expect(await statusOf('GET', '/online', {})).toBe(200);
  });
});

test('ALLOWED_HOSTS names what a proxy of this machine passes on', async () => {
  server = await startTestServer({ ALLOWED_HOSTS: 'presence.example' });
  expect(await statusOf('GET', '/online', { host: 'presence.example' })).toBe(200);
  await Player.connect(server.wsPort, { headers: { host: 'presence.example' } });
});
