/** Who is compared with whom, and the raw clients that play their players. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import { HttpPool } from '../../bench/peers/clients/http-pool.ts';
import {
  connectPacket,
  lengthBytes,
  PacketReader,
  publishPacket,
  subscribePacket,
} from '../../bench/peers/clients/mqtt-client.ts';
import { FrameReader } from '../../bench/peers/clients/ws-client.ts';
import { CONTENDERS, contendersFor, JOBS } from '../../bench/peers/contenders.ts';
import { MEASURES } from '../../bench/peers/measures.ts';
import { request } from '../../bench/requests.ts';

describe('contenders', () => {
  test('who cannot do a job, or is measured in others only, is not asked to', () => {
    const names = (job: (typeof JOBS)[number]): string[] => contendersFor(job, undefined).map(({ name }) => name);
    expect(names('admission')).not.toContain('mosquitto');
    expect(names('hold')).not.toContain('gateway-replica');
    expect(names('status')).toContain('gateway-replica');
    expect(names('crash')).toEqual([
      'gateway-redis',
      'socketio',
      'socketio-uws',
      'tutorial',
      'tutorial-uws',
      'origin',
      'soketi',
    ]);
  });

  test('the gateway over Redis does every job, as others are held against it', () => {
    expect(CONTENDERS.find(({ name }) => name === 'gateway-redis')).toMatchObject({ cannot: {}, usesRedis: true });
  });

  test('some may be chosen, and a name that nobody has is refused', () => {
    expect(contendersFor('hold', ['nchan', 'origin']).map(({ name }) => name)).toEqual(['origin', 'nchan']);
    expect(() => contendersFor('hold', ['nobody'])).toThrow("no such contender: 'nobody'; there are gateway-redis,");
  });

  test('names are those of one contender each, and measures those of one figure each', () => {
    const names = CONTENDERS.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    for (const job of JOBS) {
      const measures = MEASURES[job].map(({ name }) => name);
      expect(new Set(measures).size).toBe(measures.length);
    }
  });
});

/** All ways to cut bytes in two. */
const cuts = (bytes: Buffer): [Buffer, Buffer][] =>
  Array.from({ length: bytes.length + 1 }, (_, at) => [bytes.subarray(0, at), bytes.subarray(at)]);

describe('frames of a server', () => {
  const long = Buffer.alloc(300, 'x');
  const huge = Buffer.alloc(70_000, 'y');
  const stream = Buffer.concat([
    Buffer.from([0x81, 2, 0x61, 0x62]),
    Buffer.from([0x89, 0]),
    Buffer.from([0x81, 126, 300 >> 8, 300 & 0xff]),
    long,
  ]);

  test('are read wherever they are cut', () => {
    for (const parts of cuts(stream)) {
      const reader = new FrameReader();
      const frames: [number, string][] = [];
      for (const part of parts) reader.take(part, (opcode, payload) => frames.push([opcode, payload.toString()]));
      expect(frames).toEqual([
        [1, 'ab'],
        [9, ''],
        [1, long.toString()],
      ]);
    }
  });

  test('may be longer than 64 KB', () => {
    const head = Buffer.from([0x81, 127, 0, 0, 0, 0, 0, 1, 0x11, 0x70]);
    const lengths: number[] = [];
    new FrameReader().take(Buffer.concat([head, huge]), (_, payload) => lengths.push(payload.length));
    expect(lengths).toEqual([70_000]);
  });
});

describe('MQTT', () => {
  test.each([
    [0, [0]],
    [127, [127]],
    [128, [128, 1]],
    [16_383, [255, 127]],
    [16_384, [128, 128, 1]],
  ])('a length of %d is %j', (length, bytes) => {
    expect(lengthBytes(length)).toEqual(bytes);
  });

  test('packets are read wherever they are cut', () => {
    const stream = Buffer.concat([
      Buffer.from([0x20, 2, 0, 0]),
      publishPacket('presence/a', 'x'.repeat(200)),
      Buffer.from([0x90, 3, 0, 1, 0]),
    ]);
    for (const parts of cuts(stream)) {
      const reader = new PacketReader();
      const found: [number, number][] = [];
      for (const part of parts) reader.take(part, (type, body) => found.push([type, body.length]));
      expect(found).toEqual([
        [0x20, 2],
        [0x30, 212],
        [0x90, 3],
      ]);
    }
  });

  test('a player has a will that is retained and empties its topic, a watcher has none', () => {
    expect([...connectPacket('c', 25, 't')]).toEqual([
      0x10,
      18,
      0,
      4,
      ...Buffer.from('MQTT'),
      4,
      0x26,
      0,
      25,
      0,
      1,
      0x63,
      0,
      1,
      0x74,
      0,
      0,
    ]);
    expect(connectPacket('c', 0)[9]).toBe(0x02);
    expect([...subscribePacket('#')]).toEqual([0x82, 6, 0, 1, 0, 1, 0x23, 0]);
  });
});

describe('a pool of connections', () => {
  async function withServer(header: Record<string, string>, work: (port: number) => Promise<void>): Promise<number> {
    let connections = 0;
    const server = createServer((req, res) => {
      res.writeHead(req.url === '/no' ? 503 : 200, { 'content-length': 2, ...header }).end('ok');
    });
    server.on('connection', () => {
      connections += 1;
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      await work((server.address() as AddressInfo).port);
      return connections;
    } finally {
      server.closeAllConnections();
      server.close();
    }
  }

  test('answers each request, more than it has connections for', async () => {
    const connections = await withServer({}, async (port) => {
      const pool = new HttpPool(port, 2);
      const answers = await Promise.all(Array.from({ length: 9 }, () => pool.send(request('GET', '/'))));
      expect(answers).toEqual(Array(9).fill({ status: 200, body: 'ok' }));
      pool.end();
    });
    expect(connections).toBe(2);
  });

  test('connects anew where the server closes after each answer', async () => {
    const connections = await withServer({ connection: 'close' }, async (port) => {
      const pool = new HttpPool(port, 1);
      for (let i = 0; i < 3; i++) expect(await pool.send(request('GET', '/'))).toEqual({ status: 200, body: 'ok' });
      pool.end();
    });
    expect(connections).toBe(3);
  });

  test('counts what was sent without waiting and was not answered with 200', async () => {
    await withServer({}, async (port) => {
      const pool = new HttpPool(port, 1);
      pool.post(request('GET', '/'));
      pool.post(request('GET', '/no'));
      await pool.send(request('GET', '/'));
      expect(pool.failures).toBe(1);
    });
  });

  test('what was not answered when it ends, or comes later, is rejected', async () => {
    await withServer({}, async (port) => {
      const pool = new HttpPool(port, 1);
      const sent = pool.send(request('GET', '/')).catch((error: Error) => error.message);
      const waiting = pool.send(request('GET', '/')).catch((error: Error) => error.message);
      pool.end();
      expect([await sent, await waiting]).toEqual(['the server closed the connection', 'the pool has ended']);
      await expect(pool.send(request('GET', '/'))).rejects.toThrow('the pool has ended');
    });
  });
});
