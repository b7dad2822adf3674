import { expect, test } from '@jest/globals';
import { createWsTransport } from '../../../gateway/transport/ws.ts';
import { frame, OPCODE, until } from '../../support/raw-websocket.ts';
import { LIMIT, type TransportTraits, transportRig } from './test-rig.ts';
import { transportContract } from './transport-contract.ts';

const TRAITS: TransportTraits = {
  closeTimeoutMs: 300,
  invalidUtf8: { peer: 1007, handler: 1007 },
  protocolError: { peer: 1002, handler: 1002 },
  farTooBig: { peer: 1009, handler: 1009 },
  fragmentFlood: { peer: 1008, handler: 1008 },
  readsEarlyFrames: true,
  noticesMissingMask: true,
};

transportContract('ws', createWsTransport, TRAITS);

const { start, raw } = transportRig(createWsTransport, { closeTimeoutMs: 4_000 });
/** Far more than the kernel keeps for both ends of a connection. */
const FLOOD_FRAMES = 4_096;

// uWS does not deliver what comes after a close, and reads it at no cost of ours.
test.each([
  ['texts', frame(OPCODE.text, 'x'.repeat(LIMIT))],
  ['pongs, and texts between', Buffer.concat([frame(OPCODE.pong, ''), frame(OPCODE.text, 'x'.repeat(LIMIT))])],
])('who goes on sending after the close is read no further: %s', async (_what, sent) => {
  const rig = await start();
  const client = await raw(rig.port);
  rig.socket.close(4129, 'rate_limited');
  let written = 0;
  let taken = 0;
  while (written < FLOOD_FRAMES && !client.stream.destroyed) {
    written += 1;
    client.stream.write(sent, (error) => {
      // What is on its way when the stream is destroyed ends without an error.
      if (!error && !client.stream.destroyed) taken += 1;
    });
    // The kernel takes some, and the server reads in later turns.
    if (written % 64 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  await until(() => rig.closes.length > 0, 'the cut');
  expect(rig.closes).toEqual([{ socket: rig.socket, code: 4129 }]);
  expect([client.closeCode, rig.messages, rig.pongs]).toEqual([4129, [], []]);
  expect(taken).toBeLessThan(FLOOD_FRAMES / 2);
});
