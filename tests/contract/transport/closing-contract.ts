/** The second half of the transport contract: how connections end, what a slow reader costs, how a transport stops. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { afterAll, describe, expect, test } from '@jest/globals';
import type { CreateTransport, TransportSocket } from '../../../gateway/transport/transport.ts';
import { closePayload, frame, OPCODE, RawWebSocket, until, upgradeHead } from '../../support/raw-websocket.ts';
import { slowTests } from '../../support/slow-tests.ts';
import { BUFFER, type TransportTraits, transportRig } from './test-rig.ts';

const SLOW_TEXT = 'x'.repeat(8_000);
/** What a frame of that text weighs on the wire. */
const SLOW_FRAME_BYTES = 8_004;

export function closingContract(name: string, create: CreateTransport, traits: TransportTraits): void {
  const { start, raw, peer, bothSee, fill } = transportRig(create, traits);
  const slow = transportRig(create, traits, afterAll);
  const slowTest = slowTests();

  /** Everything there is to call, as a careless caller would. */
  function callEverything(socket: TransportSocket): void {
    expect(socket.send('late')).toBe(false);
    socket.ping();
    socket.close(4001, 'late');
    socket.terminate();
    expect(socket.bufferedBytes).toBe(0);
  }

  describe(`${name} close`, () => {
    test('[W31] our code and reason reach the client; handlers.close follows once, not inside the call', async () => {
      const rig = await start();
      const client = await peer(rig.port);
      rig.socket.send('last words');
      rig.socket.close(4010, 'evicted');
      rig.socket.close(4011, 'again');
      expect(rig.closes).toHaveLength(0);
      expect(rig.socket.send('too late')).toBe(false);
      await until(() => client.close !== undefined && rig.closes.length > 0, 'both ends closed');
      expect(client).toMatchObject({ texts: ['last words'], close: { code: 4010, reason: 'evicted' } });
      expect(rig.closes).toEqual([{ socket: rig.socket, code: 4010 }]);
      expect(rig.transport.sockets).toBe(0);
      callEverything(rig.socket);
      expect(rig.closes).toHaveLength(1);
    });

    test('a reason too long for its frame is cut at a whole character', async () => {
      const rig = await start();
      const client = await peer(rig.port);
      rig.socket.close(4000, `x${'é'.repeat(100)}`);
      await until(() => client.close !== undefined, 'the close');
      expect(client.close).toEqual({ code: 4000, reason: `x${'é'.repeat(61)}` });
    });

    test.each([
      ['4321', closePayload(4321, 'bye'), 4321],
      ['1000', closePayload(1000), 1000],
      ['no code', '', 1005],
    ])('[W32] the client closes with %s', async (_what, payload, code) => {
      const rig = await start();
      const client = await raw(rig.port);
      client.write(frame(OPCODE.close, payload));
      await bothSee(rig, client, { peer: code, handler: code });
      callEverything(rig.socket);
    });

    test.each(['FIN', 'RST'])('a client that is gone by %s without a close frame is 1006', async (how) => {
      const rig = await start();
      const client = await raw(rig.port);
      if (how === 'FIN') client.stream.end();
      else client.stream.resetAndDestroy();
      await until(() => rig.closes.length > 0, 'handlers.close');
      expect(rig.closes).toEqual([{ socket: rig.socket, code: 1006 }]);
      callEverything(rig.socket);
    });

    test('terminate is 1006 on both ends, at once and without a close frame', async () => {
      const rig = await start();
      const client = await raw(rig.port);
      rig.socket.terminate();
      expect(rig.closes).toHaveLength(0);
      await bothSee(rig, client, { peer: 1006, handler: 1006 });
      callEverything(rig.socket);
    });

    test('terminate after close is 1006', async () => {
      const rig = await start();
      await raw(rig.port);
      rig.socket.close(4000, '');
      rig.socket.terminate();
      await until(() => rig.closes.length > 0, 'handlers.close');
      expect(rig.closes).toEqual([{ socket: rig.socket, code: 1006 }]);
    });

    test.each(['open', 'message', 'ping', 'pong'] as const)('close and terminate inside handlers.%s', async (where) => {
      const end = (socket: TransportSocket) => {
        if (socket.id % 2 === 0) socket.close(4000, 'no');
        else socket.terminate();
      };
      const rig = await start({}, { [where]: end });
      const clients = [await raw(rig.port), await raw(rig.port)];
      const sent = [frame(OPCODE.text, 'x'), frame(OPCODE.ping, ''), frame(OPCODE.pong, '')];
      for (const client of clients) client.write(...sent);
      await until(() => rig.closes.length === 2, 'handlers.close');
      expect(rig.closes.map(({ code }) => code).sort()).toEqual([1006, 4000]);
      await until(() => clients.every((client) => client.closeCode !== undefined), 'the peers see it');
      expect(clients.map((client) => client.closeCode).sort()).toEqual([1006, 4000]);
    });

    test('nothing is delivered after close', async () => {
      const rig = await start();
      const client = await raw(rig.port);
      rig.socket.close(4000, '');
      client.write(frame(OPCODE.text, 'still here'), frame(OPCODE.pong, ''), frame(OPCODE.close, closePayload(4000)));
      await until(() => rig.closes.length > 0, 'handlers.close');
      expect([rig.messages, rig.pongs]).toEqual([[], []]);
    });

    slowTest('[W32] a peer that never answers the close frame is reported and cut', async () => {
      const rig = await slow.start();
      const client = await slow.raw(rig.port);
      rig.socket.close(4203, 'no pong');
      await until(() => rig.closes.length > 0, 'handlers.close');
      await until(() => {
        client.write(frame(OPCODE.pong, ''));
        return client.stream.destroyed;
      }, 'the connection is gone');
      expect(client.closeCode).toBe(4203);
      expect(rig.closes).toEqual([{ socket: rig.socket, code: 4203 }]);
    });
  });

  describe(`${name} slow reader`, () => {
    test('[W30] send refuses at the bound, the socket survives, nothing accepted is lost', async () => {
      const rig = await start();
      const client = await raw(rig.port);
      client.stream.pause();
      const accepted = await fill(rig.socket, SLOW_TEXT);
      expect(rig.socket.bufferedBytes).toBeLessThanOrEqual(BUFFER);
      expect(rig.socket.bufferedBytes).toBeGreaterThan(BUFFER - 3 * SLOW_FRAME_BYTES);
      for (let i = 0; i < 1000; i++) expect(rig.socket.send(SLOW_TEXT)).toBe(false);
      expect(rig.socket.bufferedBytes).toBeLessThanOrEqual(BUFFER);
      expect(rig.closes).toHaveLength(0);

      client.stream.resume();
      await until(() => client.frames.length === accepted, 'all that was accepted');
      await until(() => rig.socket.bufferedBytes === 0, 'the drain');
      expect(rig.socket.send('welcome back')).toBe(true);
      await until(() => client.frames.length === accepted + 1, 'the next frame');
      expect(client.texts.at(-1)).toBe('welcome back');
      expect(client.receivedBytes).toBe(accepted * SLOW_FRAME_BYTES + 'welcome back'.length + 2);
    });

    test('a text that could never fit is refused, counted in bytes', async () => {
      const rig = await start({ maxBufferedBytes: 3_000 });
      const client = await raw(rig.port);
      expect(rig.socket.send('漢'.repeat(1_000))).toBe(false);
      expect(rig.socket.send('漢'.repeat(900))).toBe(true);
      await until(() => client.frames.length === 1, 'the smaller one');
      expect(client.frames[0]?.payload).toHaveLength(2_700);
    });

    test('[W32] close waits for what is queued', async () => {
      const rig = await start({ closeTimeoutMs: 15_000 });
      const client = await raw(rig.port);
      client.stream.pause();
      const accepted = await fill(rig.socket, SLOW_TEXT);
      rig.socket.close(4210, 'resync');
      client.stream.resume();
      await until(() => client.closeCode !== undefined, 'the close frame');
      expect(client.texts).toHaveLength(accepted);
      await bothSee(rig, client, { peer: 4210, handler: 4210 });
    });

    test('[W32] close of one that reads nothing at all cuts it, what is queued included', async () => {
      const rig = await start({ closeTimeoutMs: 200 });
      const client = await raw(rig.port);
      client.stream.pause();
      await fill(rig.socket, SLOW_TEXT);
      rig.socket.close(4210, 'resync');
      expect(rig.closes).toHaveLength(0);
      await until(() => rig.closes.length > 0, 'handlers.close');
      expect(rig.closes).toEqual([{ socket: rig.socket, code: 4210 }]);
      callEverything(rig.socket);
      client.stream.resume();
      await until(() => client.isEnded, 'the cut');
      expect(client.closeCode).toBe(1006);
    });

    test('pings of a client that does not read the pongs are bounded', async () => {
      const rig = await start();
      const client = await raw(rig.port);
      client.stream.pause();
      const pings = Buffer.concat(Array.from({ length: 1_000 }, () => frame(OPCODE.ping, 'p'.repeat(125))));
      let most = 0;
      for (let i = 0; i < 100 && !client.stream.destroyed; i++) {
        client.write(pings);
        await new Promise((resolve) => setImmediate(resolve));
        most = Math.max(most, rig.socket.bufferedBytes);
      }
      await until(() => client.stream.destroyed || client.stream.writableLength === 0, 'all pings are read');
      expect(Math.max(most, rig.socket.bufferedBytes)).toBeLessThanOrEqual(BUFFER + 1_000);
    });
  });

  describe(`${name} stopping`, () => {
    test('[W22] stopListening keeps what is open and refuses what is new', async () => {
      const rig = await start({}, { message: (socket, text) => void socket.send(`${text}!`) });
      const late = new RawWebSocket(connect(rig.port, '127.0.0.1'));
      late.stream.write('GET /ws HTTP/1.1\r\n');
      const client = await raw(rig.port);
      rig.transport.stopListening();
      rig.transport.stopListening();
      late.stream.write(upgradeHead('/ws').slice('GET /ws HTTP/1.1\r\n'.length));
      await until(() => late.isEnded, 'the refusal');
      expect(late.status).toBe(503);
      expect((await raw(rig.port)).head).toBe('');
      client.write(frame(OPCODE.text, 'still'));
      await until(() => client.texts.length === 1, 'the echo');
      expect([client.texts, rig.transport.sockets]).toEqual([['still!'], 1]);
    });

    test('close cuts what is open, reports it first, and frees the port', async () => {
      const rig = await start({}, {}, await freePort());
      const clients = [await raw(rig.port), await raw(rig.port)];
      const halfWay = raw(rig.port, 'GET /ws HTTP/1.1\r\n');
      await rig.transport.close();
      expect(rig.closes.map(({ code }) => code)).toEqual([1006, 1006]);
      expect(rig.transport.sockets).toBe(0);
      for (const socket of rig.opened) callEverything(socket);
      await until(() => clients.every((client) => client.isEnded), 'the peers see it');
      expect((await halfWay).status).not.toBe(101);

      const next = await start({}, {}, rig.port);
      expect(next.port).toBe(rig.port);
      expect((await raw(next.port)).status).toBe(101);
      await rig.transport.close();
    });

    test('a taken port is named', async () => {
      const rig = await start({}, {}, await freePort());
      await expect(start({}, {}, rig.port)).rejects.toThrow(`port ${rig.port}`);
    });
  });
}

/** For a listen that names its port: one that the kernel picks is bound in other ways by uWS, never shared or reused. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
