/**
 * What every transport must do, as seen from both ends of the wire. The doc comments of gateway/transport/transport.ts
 * are the contract; where the transports still differ, `TransportTraits` says so and the tests hold them to it.
 */
import { connect } from 'node:net';
import { afterAll, describe, expect, test } from '@jest/globals';
import { SPARE_CONNECTIONS } from '../../../gateway/transport/connection-limit.ts';
import type { CreateTransport } from '../../../gateway/transport/transport.ts';
import { frame, OPCODE, RawWebSocket, until, upgradeHead } from '../../support/raw-websocket.ts';
import { slowTests } from '../../support/slow-tests.ts';
import { closingContract } from './closing-contract.ts';
import { LIMIT, type TransportTraits, transportRig } from './test-rig.ts';

export function transportContract(name: string, create: CreateTransport, traits: TransportTraits): void {
  const { start, raw, peer, bothSee } = transportRig(create, traits);
  const slow = transportRig(create, traits, afterAll);
  const slowTest = slowTests();

  describe(`${name} upgrade`, () => {
    test('an accepted client arrives with its facts', async () => {
      const rig = await start();
      const facts = ['Origin: https://a.example', 'X-Forwarded-For: 10.0.0.1', 'X-Forwarded-For: 10.0.0.2, 10.0.0.3'];
      const client = await raw(rig.port, upgradeHead('/ws?token=secret', facts));
      expect(client.status).toBe(101);
      expect(rig.requests).toEqual([
        {
          path: '/ws',
          remoteAddress: '127.0.0.1',
          host: 'localhost',
          origin: 'https://a.example',
          forwardedFor: '10.0.0.1, 10.0.0.2, 10.0.0.3',
        },
      ]);
      expect(rig.socket.remoteAddress).toBe('127.0.0.1');
      expect(rig.transport.sockets).toBe(1);

      await raw(rig.port);
      expect(rig.requests[1]).toMatchObject({ origin: undefined, forwardedFor: undefined });
      expect(rig.opened[1]?.id).toBeGreaterThan(rig.socket.id);
    });

    test.each([401, 403, 429])('[W1] the handler refuses with %i', async (status) => {
      const rig = await start({}, { upgrade: () => status });
      expect((await raw(rig.port)).status).toBe(status);
      expect(rig.opened).toHaveLength(0);
      expect(rig.refused).toEqual([status]);
    });

    test('[W1] who connects too often is told when to come back', async () => {
      const rig = await start({}, { upgrade: () => 429 });
      expect((await raw(rig.port)).header('retry-after')).toBe('1');
    });

    test('[W1] no extension is agreed to', async () => {
      const rig = await start();
      const offer = 'Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits';
      const client = await raw(rig.port, upgradeHead('/ws', [offer]));
      expect([client.status, client.header('sec-websocket-extensions')]).toEqual([101, undefined]);
    });

    test.each([
      ['another path', upgradeHead('/wss'), 404],
      ['a path below', upgradeHead('/ws/1'), 404],
      ['no upgrade', 'GET /ws HTTP/1.1\r\nHost: x\r\n\r\n', 426],
      ['another method', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n', 426],
      ['another version', upgradeHead('/ws').replace('Version: 13', 'Version: 8'), 426],
      ['a short key', upgradeHead('/ws').replace(/Key: .*/, 'Key: abc'), 400],
      ['a key of 24 other characters', upgradeHead('/ws').replace(/Key: .*/, `Key: ${'='.repeat(24)}`), 400],
    ])('[W1] %s is refused without asking the handler', async (_what, head, status) => {
      const rig = await start();
      const client = await raw(rig.port, head);
      expect(client.status).toBe(status);
      expect(client.header('upgrade')).toBe(status === 426 ? 'websocket' : undefined);
      expect(rig.requests).toHaveLength(0);
      expect(rig.refused).toEqual([status]);
      await until(() => client.isEnded, 'the connection ends');
    });

    test('[W33] frames in the segment of the upgrade', async () => {
      const rig = await start();
      const early = connect(rig.port, '127.0.0.1');
      early.write(Buffer.concat([Buffer.from(upgradeHead('/ws')), frame(OPCODE.text, 'early')]));
      await until(() => rig.opened.length === 1, 'the upgrade');
      early.write(frame(OPCODE.text, 'later'));
      await until(() => rig.messages.includes('later'), 'the next frame');
      expect(rig.messages).toEqual(traits.readsEarlyFrames ? ['early', 'later'] : ['later']);
      early.destroy();
    });

    test('[W1] over maxSockets 503, until one leaves', async () => {
      const rig = await start({ maxSockets: 2 });
      const first = await raw(rig.port);
      await raw(rig.port);
      expect((await raw(rig.port)).status).toBe(503);
      expect(rig.requests).toHaveLength(2);
      first.destroy();
      await until(() => rig.transport.sockets === 1, 'one left');
      expect((await raw(rig.port)).status).toBe(101);
    });

    test.each([
      ['other.v1, presence.v1.json', 'presence.v1.json'],
      ['presence.v1.json', 'presence.v1.json'],
      ['presence.v2.json', undefined],
    ])('[W1] offered %s, answered %s', async (offered, answered) => {
      const rig = await start();
      const client = await raw(rig.port, upgradeHead('/ws', [`Sec-WebSocket-Protocol: ${offered}`]));
      expect([client.status, client.header('sec-websocket-protocol')]).toEqual([101, answered]);
    });

    test('connections that never become sockets are bounded, too, and make room when they are gone', async () => {
      const maxSockets = 2;
      const rig = await start({ maxSockets });
      const player = await raw(rig.port);
      const surplus = 40;
      const silent = Array.from(
        { length: maxSockets + SPARE_CONNECTIONS - 1 + surplus },
        () => new RawWebSocket(connect({ port: rig.port, host: '127.0.0.1' })),
      );
      await until(() => silent.filter(({ isEnded }) => isEnded).length >= surplus, 'those beyond the bound are cut');
      expect(silent.slice(0, -2 * surplus).some(({ isEnded }) => isEnded)).toBe(false);
      for (const client of silent) client.destroy();
      player.write(frame(OPCODE.text, 'still'));
      await until(() => rig.messages.includes('still'), 'the message of a socket');
      for (let status = 0; status !== 101; ) ({ status } = await raw(rig.port));
    });

    slowTest('an upgrade that is never finished is cut', async () => {
      const rig = await slow.start();
      const client = await slow.raw(rig.port, 'GET /ws HTTP/1.1\r\nHost: x\r\n');
      await until(() => client.isEnded, 'the cut');
      expect(client.status).not.toBe(101);
    });
  });

  describe(`${name} messages`, () => {
    test('text both ways, every character', async () => {
      const rig = await start({}, { message: (socket, text) => void socket.send(`echo ${text}`) });
      const client = await peer(rig.port, ['presence.v1.json']);
      const text = '\ufeffplain, žluťoučký, 漢字, 🎬';
      client.socket.send(text);
      client.socket.send('');
      await until(() => client.texts.length === 2, 'the echoes');
      rig.socket.send('half \ud83c');
      await until(() => client.texts.length === 3, 'the third');
      expect(rig.messages).toEqual([text, '']);
      expect(client.texts).toEqual([`echo ${text}`, 'echo ', 'half \ufffd']);
      const bytes = Buffer.byteLength(text);
      expect(rig.transport.traffic).toEqual({
        messagesReceived: 2,
        bytesReceived: bytes,
        messagesSent: 3,
        bytesSent: bytes + 'echo echo half ???'.length,
      });
    });

    test('a binary frame arrives as undefined', async () => {
      const rig = await start();
      (await raw(rig.port)).write(frame(OPCODE.binary, 'text?'));
      await until(() => rig.messages.length === 1, 'the message');
      expect(rig.messages).toEqual([undefined]);
    });

    test('a thousand frames keep their order, in few packets and in pieces', async () => {
      const rig = await start({}, { message: (socket, text) => void socket.send(text ?? '') });
      const client = await raw(rig.port);
      const texts = Array.from({ length: 1000 }, (_, i) => `${i} ${'x'.repeat(i % 200)}`);
      const bytes = Buffer.concat(texts.map((text) => frame(OPCODE.text, text)));
      for (let at = 0; at < bytes.length; at += 777) client.write(bytes.subarray(at, at + 777));
      await until(() => client.texts.length === 1000, 'a thousand echoes');
      expect(rig.messages).toEqual(texts);
      expect(client.texts).toEqual(texts);
    });

    test('[W2] a message at the limit passes, one byte more is 1009', async () => {
      const rig = await start();
      const client = await raw(rig.port);
      client.write(frame(OPCODE.text, 'é'.repeat(LIMIT / 2)));
      await until(() => rig.messages.length === 1, 'the message');
      expect(rig.messages[0]).toHaveLength(LIMIT / 2);
      client.write(frame(OPCODE.text, 'x'.repeat(LIMIT + 1)));
      await bothSee(rig, client, { peer: 1009, handler: 1009 });
      expect(rig.messages).toHaveLength(1);
    });

    test('[W2] a message split in fragments, with a ping between, is one message', async () => {
      const rig = await start();
      const client = await raw(rig.port);
      client.write(
        frame(OPCODE.text, 'one ', { fin: false }),
        frame(OPCODE.continuation, 'two ', { fin: false }),
        frame(OPCODE.ping, 'between'),
        frame(OPCODE.continuation, 'three'),
        frame(OPCODE.text, 'next'),
      );
      await until(() => rig.messages.length === 2, 'both messages');
      expect(rig.messages).toEqual(['one two three', 'next']);
      await until(() => client.frames.length > 0, 'the pong');
      expect(client.frames).toEqual([{ opcode: OPCODE.pong, payload: Buffer.from('between') }]);
    });

    test.each([
      ['claimed by one header', [frame(OPCODE.text, 'x', { claimedBytes: 2 ** 31 })]],
      ['sent in full', [frame(OPCODE.text, 'x'.repeat(LIMIT * 16))]],
      ['in fragments', [frame(OPCODE.text, '', { fin: false }), ...fragments(LIMIT * 16, 4_096)]],
    ])('[W33] a message of many times the limit, %s, is refused', async (_how, frames) => {
      const rig = await start();
      const client = await raw(rig.port);
      client.write(...frames);
      await bothSee(rig, client, traits.farTooBig);
      expect(rig.messages).toHaveLength(0);
    });

    test('[W33] a flood of tiny fragments is refused', async () => {
      const rig = await start({ maxMessageBytes: 1_024 });
      const client = await raw(rig.port);
      client.write(frame(OPCODE.text, '', { fin: false }), ...fragments(20_000, 1));
      await bothSee(rig, client, traits.fragmentFlood);
      expect(rig.messages).toHaveLength(0);
    });

    test.each([
      ['in one frame', [frame(OPCODE.text, Buffer.from([0x68, 0xc3, 0x28]))]],
      [
        'in two',
        [
          frame(OPCODE.text, Buffer.from([0xe2, 0x82]), { fin: false }),
          frame(OPCODE.continuation, Buffer.from([0x28])),
        ],
      ],
    ])('[W33] invalid UTF-8 %s never arrives', async (_how, frames) => {
      const rig = await start();
      const client = await raw(rig.port);
      client.write(...frames);
      await bothSee(rig, client, traits.invalidUtf8);
      expect(rig.messages).toHaveLength(0);
    });

    test.each([
      ['RSV1', [frame(OPCODE.text, 'x', { rsv: 4 })]],
      ['RSV2', [frame(OPCODE.text, 'x', { rsv: 2 })]],
      ['RSV3', [frame(OPCODE.text, 'x', { rsv: 1 })]],
      ['opcode 3', [frame(3, 'x')]],
      ['opcode 11', [frame(11, 'x')]],
      ['a fragmented ping', [frame(OPCODE.ping, 'x', { fin: false })]],
      ['a ping of 126 bytes', [frame(OPCODE.ping, 'x'.repeat(126))]],
      ['a continuation of nothing', [frame(OPCODE.continuation, 'x')]],
      ['a text inside a text', [frame(OPCODE.text, 'x', { fin: false }), frame(OPCODE.text, 'y')]],
    ])('[W33] %s ends the connection', async (_what, frames) => {
      const rig = await start();
      const client = await raw(rig.port);
      client.write(...frames);
      await bothSee(rig, client, traits.protocolError);
      expect(rig.messages).toHaveLength(0);
    });

    test('[W33] a frame without a mask is not delivered', async () => {
      const rig = await start();
      const client = await raw(rig.port);
      client.write(Buffer.from([0x81, 4]), Buffer.from('none'));
      if (traits.noticesMissingMask) await bothSee(rig, client, traits.protocolError);
      client.destroy();
      await until(() => rig.closes.length === 1, 'handlers.close');
      expect(rig.messages).toHaveLength(0);
    });
  });

  describe(`${name} ping`, () => {
    test('[W21] our ping reaches the client and its answer the handler; its own ping is answered', async () => {
      const rig = await start();
      const client = await raw(rig.port);
      rig.socket.ping();
      await until(() => client.frames.length === 1, 'the ping');
      expect(client.frames[0]?.opcode).toBe(OPCODE.ping);
      expect(rig.pongs).toHaveLength(0);
      client.write(frame(OPCODE.pong, ''), frame(OPCODE.ping, 'and you?'));
      await until(() => client.frames.length === 2, 'the pong');
      expect(client.frames[1]).toEqual({ opcode: OPCODE.pong, payload: Buffer.from('and you?') });
      expect([rig.pings, rig.pongs]).toEqual([[rig.socket], [rig.socket]]);
    });
  });

  closingContract(name, create, traits);
}

function fragments(bytes: number, each: number): Buffer[] {
  const piece = 'x'.repeat(each);
  return Array.from({ length: bytes / each }, () => frame(OPCODE.continuation, piece, { fin: false }));
}
