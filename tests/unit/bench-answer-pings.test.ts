/** The bench's raw clients answer pings, however the frames are cut. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { expect, test } from '@jest/globals';
import { answerPings } from '../../bench/answer-pings.ts';

/** A text frame of 300 characters, then two pings with payloads `a` and `bc`. */
const SENT = Buffer.concat([
  Buffer.from([0x81, 126, 300 >> 8, 300 & 0xff]),
  Buffer.alloc(300, 'x'),
  Buffer.from([0x89, 1]),
  Buffer.from('a'),
  Buffer.from([0x89, 2]),
  Buffer.from('bc'),
]);
/** Head, mask, and payload of each pong. */
const LENGTH = 2 + 4 + 1 + 2 + 4 + 2;

test.each([1, 7, SENT.length])('each ping has its pong, with %d bytes at a time', async (size) => {
  const server = createServer({ noDelay: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  try {
    answerPings(client);
    const [peer] = await once(server, 'connection');
    for (let at = 0; at < SENT.length; at += size) client.emit('data', SENT.subarray(at, at + size));
    let received = Buffer.alloc(0);
    while (received.length < LENGTH) received = Buffer.concat([received, (await once(peer, 'data'))[0]]);
    const pongs = [Buffer.from([0x8a, 0x81, 0, 0, 0, 0, 0x61]), Buffer.from([0x8a, 0x82, 0, 0, 0, 0, 0x62, 0x63])];
    // Each after a delay of its own.
    expect([Buffer.concat(pongs), Buffer.concat(pongs.toReversed())]).toContainEqual(received);
  } finally {
    client.destroy();
    server.close();
  }
});
