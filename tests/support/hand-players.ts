/** Players of the SDK on a page, with a clock and sockets that the test moves by hand; closed after each test. */
import { afterEach, jest } from '@jest/globals';
import type { PresenceClientOptions } from '../../gateway/client/player-events.ts';
import { PresenceClient } from '../../gateway/client/presence-client.ts';
import { handPage } from './hand-page.ts';
import type { HandSocket } from './hand-socket.ts';

export function handPlayers() {
  const page = handPage();
  /** What else a test makes it adds here. */
  const made: { close(): void }[] = [];
  afterEach(() => {
    for (const client of made.splice(0)) client.close();
  });
  const pass = (ms: number): Promise<void> => jest.advanceTimersByTimeAsync(ms);
  const last = (): HandSocket => page.sockets.at(-1) as HandSocket;

  function playerOf(options: Partial<PresenceClientOptions> = {}): PresenceClient {
    const { WebSocket } = page;
    const player = new PresenceClient({ url: 'ws://test/ws', WebSocket, userId: 'u', ...options });
    made.push(player);
    return player;
  }

  /** @param more of its welcome. */
  async function livePlayer(options: Partial<PresenceClientOptions> = {}, more: object = {}): Promise<PresenceClient> {
    const player = playerOf(options);
    const connected = player.connect();
    await pass(0);
    last().welcome(more);
    await connected;
    return player;
  }

  return { ...page, made, pass, last, playerOf, livePlayer };
}
