/**
 * Frames as a client may or must not send them, after the groups of Autobahn's suite, and what it then sees of an echo
 * server. What transport-contract.ts covers already is not here again.
 */
import { closePayload, frame, OPCODE } from '../../support/raw-websocket.ts';

export const LIMIT = 65_536;
/** What the echo server makes of a binary message: transports deliver no binary. */
export const BINARY = '(binary)';

/** Where uWS differs from what RFC 6455 asks for and `ws` does: what is seen instead, and why that may be. */
export const DIFFERENCES = {
  protocolError: {
    uws: ['end 1006/1006'],
    because: 'it cuts without a close frame; who breaks the protocol has no use for the code',
  },
  invalidUtf8: { uws: ['end 1006/1007'], because: 'the same, but it tells us the fault' },
  hugeClaim: { uws: ['end 1006/1009'], because: 'it cuts at four times the limit, before the message is there' },
  binaryInText: {
    uws: [`text ${BINARY}`],
    because: 'it takes both for one binary message, which a player may not send',
  },
  closeCode: {
    uws: ['end 1005/1006'],
    because: 'it knows 1000-1003, 1007-1011 and 4000-4999; another, or a reason that is no UTF-8, is as none',
  },
  closeOfOneByte: { uws: ['end 1005/1005'], because: 'it takes it for an empty close' },
} as const;

export interface ConformanceCase {
  readonly name: string;
  readonly frames: readonly Buffer[];
  /**
   * In order: `text …`, `pong …`, and `end 1002/1002` for the close code at the client and at `handlers.close`. Without
   * an `end` the connection must live on.
   */
  readonly sees: readonly string[];
  readonly differs?: keyof typeof DIFFERENCES;
  /** Bytes of each piece in which it is sent. */
  readonly pieces?: number;
}

const text = (payload: string | Buffer): Buffer => frame(OPCODE.text, payload);
const open = (payload: string | Buffer): Buffer => frame(OPCODE.text, payload, { fin: false });
const more = (payload: string | Buffer): Buffer => frame(OPCODE.continuation, payload, { fin: false });
const last = (payload: string | Buffer): Buffer => frame(OPCODE.continuation, payload);
const ping = (payload: string | Buffer): Buffer => frame(OPCODE.ping, payload);
const hex = (digits: string): Buffer => Buffer.from(digits.replaceAll(' ', ''), 'hex');
const times = <T>(count: number, make: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i));

/** Masked by zeros, with the length written out in more bytes than it needs. */
function longLength(bytes: 2 | 8, payload: string, claimed: bigint = BigInt(payload.length)): Buffer {
  const length = Buffer.alloc(8);
  length.writeBigUInt64BE(claimed);
  const head = Buffer.from([0x81, 0x80 | (bytes === 2 ? 126 : 127)]);
  return Buffer.concat([head, length.subarray(8 - bytes), Buffer.alloc(4), Buffer.from(payload)]);
}

const broken = (name: string, ...frames: Buffer[]): ConformanceCase => ({
  name,
  frames,
  sees: ['end 1002/1002'],
  differs: 'protocolError',
});

const MESSAGES: readonly ConformanceCase[] = [
  ...[0, 1, 125, 126, 127, 128, 65_535, 65_536].flatMap((size) => [
    { name: `text of ${size} bytes`, frames: [text('*'.repeat(size))], sees: [`text ${'*'.repeat(size)}`] },
    {
      name: `binary of ${size} bytes`,
      frames: [frame(OPCODE.binary, Buffer.alloc(size, 0xfe))],
      sees: [`text ${BINARY}`],
    },
  ]),
  {
    name: 'text of 125 bytes, byte by byte',
    frames: [text('*'.repeat(125))],
    sees: [`text ${'*'.repeat(125)}`],
    pieces: 1,
  },
  {
    name: 'text of 65,535 bytes in pieces of 997',
    frames: [text('*'.repeat(65_535))],
    sees: [`text ${'*'.repeat(65_535)}`],
    pieces: 997,
  },
  { name: 'a length in 2 bytes where 7 bits do', frames: [longLength(2, 'long')], sees: ['text long'] },
  { name: 'a length in 8 bytes where 7 bits do', frames: [longLength(8, 'long')], sees: ['text long'] },
  {
    name: 'a length of 2⁶³ bytes',
    frames: [longLength(8, 'x', 1n << 63n)],
    sees: ['end 1009/1009'],
    differs: 'hugeClaim',
  },
];

const PINGS: readonly ConformanceCase[] = [
  { name: 'ping without payload', frames: [ping('')], sees: ['pong '] },
  { name: 'ping of 125 bytes', frames: [ping('p'.repeat(125))], sees: [`pong ${'p'.repeat(125)}`] },
  {
    name: 'ping of bytes that are no text',
    frames: [ping(hex('00fffefdfc'))],
    sees: ['pong \0\ufffd\ufffd\ufffd\ufffd'],
  },
  {
    name: 'ping of 125 bytes, byte by byte',
    frames: [ping('p'.repeat(125))],
    sees: [`pong ${'p'.repeat(125)}`],
    pieces: 1,
  },
  { name: 'ten pings', frames: times(10, (i) => ping(`${i}`)), sees: times(10, (i) => `pong ${i}`) },
  { name: 'unsolicited pongs', frames: [frame(OPCODE.pong, ''), frame(OPCODE.pong, 'p'.repeat(125))], sees: [] },
  { name: 'unsolicited pong, then ping', frames: [frame(OPCODE.pong, 'x'), ping('y')], sees: ['pong y'] },
  broken('pong of 126 bytes', frame(OPCODE.pong, 'p'.repeat(126))),
  broken('ping of 65,536 bytes', ping('p'.repeat(65_536))),
];

const RESERVED: readonly ConformanceCase[] = [
  ...[3, 5, 6, 7].map((rsv) => broken(`reserved bits ${rsv} of a text`, frame(OPCODE.text, 'x', { rsv }))),
  ...(['binary', 'close', 'ping', 'pong'] as const).flatMap((kind) =>
    [1, 2, 4].map((rsv) => broken(`reserved bit ${rsv} of a ${kind}`, frame(OPCODE[kind], '', { rsv }))),
  ),
  ...[1, 2, 4].map((rsv) =>
    broken(`reserved bit ${rsv} of a continuation`, open('x'), frame(OPCODE.continuation, 'y', { rsv })),
  ),
  ...[4, 5, 6, 7, 12, 13, 14, 15].flatMap((opcode) => [
    broken(`opcode ${opcode}`, frame(opcode, '')),
    broken(`opcode ${opcode} with a payload, then a ping`, frame(opcode, 'x'), ping('late')),
  ]),
  ...[3, 11].map((opcode) => broken(`opcode ${opcode} within a message`, open('x'), frame(opcode, ''), last('y'))),
];

const FRAGMENTS: readonly ConformanceCase[] = [
  { name: 'three empty fragments', frames: [open(''), more(''), last('')], sees: ['text '] },
  { name: 'empty fragments around one', frames: [open(''), more('middle'), last('')], sees: ['text middle'] },
  {
    name: 'binary in fragments',
    frames: [frame(OPCODE.binary, 'a', { fin: false }), last('b')],
    sees: [`text ${BINARY}`],
  },
  {
    name: 'pings and pongs between eight fragments, in pieces of 3',
    frames: [
      open('0'),
      ...times(6, (i) => [ping(`${i}`), frame(OPCODE.pong, 'x'), more(`${i + 1}`)]).flat(),
      last('7'),
    ],
    sees: [...times(6, (i) => `pong ${i}`), 'text 01234567'],
    pieces: 3,
  },
  {
    name: '128 fragments',
    frames: [open('x'), ...times(126, () => more('x')), last('x')],
    sees: [`text ${'x'.repeat(128)}`],
  },
  {
    name: 'fragments of 65,536 bytes together',
    frames: [open('x'.repeat(32_768)), ping('between'), last('x'.repeat(32_768))],
    sees: ['pong between', `text ${'x'.repeat(65_536)}`],
  },
  {
    name: 'fragments of 65,537 bytes together',
    frames: [open('x'.repeat(32_768)), last('x'.repeat(32_769))],
    sees: ['end 1009/1009'],
  },
  broken('a continuation of nothing that goes on', more('x'), last('y')),
  {
    name: 'a binary inside a text',
    frames: [open('x'), frame(OPCODE.binary, 'y')],
    sees: ['end 1002/1002'],
    differs: 'binaryInText',
  },
  broken('two beginnings', open('x'), open('y'), last('z')),
  broken('a fragmented pong', frame(OPCODE.pong, 'x', { fin: false }), last('y')),
  broken('a fragmented close', frame(OPCODE.close, closePayload(1000), { fin: false }), last('')),
  broken('a ping of 126 bytes between fragments', open('x'), ping('p'.repeat(126)), last('y')),
];

const VALID_UTF8: readonly (readonly [what: string, bytes: string])[] = [
  ['Greek', 'ce ba e1 bd b9 cf 83 ce bc ce b5'],
  ['U+0000', '00'],
  ['U+007F', '7f'],
  ['U+0080', 'c2 80'],
  ['U+07FF', 'df bf'],
  ['U+0800', 'e0 a0 80'],
  ['U+D7FF', 'ed 9f bf'],
  ['U+E000', 'ee 80 80'],
  ['U+FFFD', 'ef bf bd'],
  ['U+FFFF', 'ef bf bf'],
  ['U+10000', 'f0 90 80 80'],
  ['U+10FFFF', 'f4 8f bf bf'],
];

const INVALID_UTF8: readonly (readonly [what: string, bytes: string])[] = [
  ['a continuation byte', '80'],
  ['the last continuation byte', 'bf'],
  ['a lead byte at the end', 'c3'],
  ['two bytes of three', 'e2 82'],
  ['three bytes of four', 'f0 9f 98'],
  ['a lead byte before ASCII', 'e2 82 20'],
  ['over-long / in 2', 'c0 af'],
  ['over-long / in 3', 'e0 80 af'],
  ['over-long / in 4', 'f0 80 80 af'],
  ['over-long U+007F', 'c1 bf'],
  ['over-long U+07FF', 'e0 9f bf'],
  ['over-long U+FFFF', 'f0 8f bf bf'],
  ['U+D800', 'ed a0 80'],
  ['U+DFFF', 'ed bf bf'],
  ['a pair of surrogates', 'ed a0 bd ed b8 80'],
  ['U+110000', 'f4 90 80 80'],
  ['five bytes', 'f8 88 80 80 80'],
  ['six bytes', 'fc 84 80 80 80 80'],
  ['FE', 'fe'],
  ['FF', 'ff'],
];

const UTF8: readonly ConformanceCase[] = [
  ...VALID_UTF8.flatMap(([what, bytes]) => {
    const payload = hex(`61 ${bytes} 62`);
    const single = [...payload].map((byte) => more(Buffer.from([byte])));
    return [
      { name: `${what}, in one frame`, frames: [text(payload)], sees: [`text ${payload}`] },
      { name: `${what}, a fragment for each byte`, frames: [open(''), ...single, last('')], sees: [`text ${payload}`] },
    ];
  }),
  ...INVALID_UTF8.flatMap(([what, bytes]): ConformanceCase[] => {
    const payload = hex(`61 ${bytes}`);
    const single = [...payload].map((byte) => more(Buffer.from([byte])));
    return [
      { name: `${what}, in one frame`, frames: [text(payload)], sees: ['end 1007/1007'], differs: 'invalidUtf8' },
      {
        name: `${what}, a fragment for each byte`,
        frames: [open(''), ...single, last('')],
        sees: ['end 1007/1007'],
        differs: 'invalidUtf8',
      },
    ];
  }),
  { name: 'invalid UTF-8 in a binary', frames: [frame(OPCODE.binary, hex('c0 af'))], sees: [`text ${BINARY}`] },
];

const closing = (payload: string | Buffer): Buffer => frame(OPCODE.close, payload);

const CLOSES: readonly ConformanceCase[] = [
  ...[1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 4000, 4999].map((code) => ({
    name: `close ${code}`,
    frames: [closing(closePayload(code))],
    sees: [`end ${code}/${code}`],
  })),
  ...[1012, 1013, 1014, 3000, 3999].map((code) => ({
    name: `close ${code}`,
    frames: [closing(closePayload(code))],
    sees: [`end ${code}/${code}`],
    differs: 'closeCode' as const,
  })),
  ...[0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535].map((code) => ({
    name: `close ${code}, a code that no frame may carry`,
    frames: [closing(closePayload(code))],
    sees: ['end 1002/1002'],
    differs: 'closeCode' as const,
  })),
  { name: 'close of 1 byte', frames: [closing('x')], sees: ['end 1002/1002'], differs: 'closeOfOneByte' },
  {
    name: 'close with a reason of 123 bytes',
    frames: [closing(closePayload(1000, 'r'.repeat(123)))],
    sees: ['end 1000/1000'],
  },
  broken('close with a reason of 124 bytes', closing(closePayload(1000, 'r'.repeat(124)))),
  {
    name: 'close with a reason of invalid UTF-8',
    frames: [closing(Buffer.concat([closePayload(1000), hex('ce ba ed a0 80')]))],
    sees: ['end 1007/1007'],
    differs: 'closeCode',
  },
  { name: 'close byte by byte', frames: [closing(closePayload(4000, 'bye'))], sees: ['end 4000/4000'], pieces: 1 },
  {
    name: 'text, close',
    frames: [text('before'), closing(closePayload(1000))],
    sees: ['text before', 'end 1000/1000'],
  },
  { name: 'close, text', frames: [closing(closePayload(1000)), text('after')], sees: ['end 1000/1000'] },
  { name: 'close, ping', frames: [closing(closePayload(1000)), ping('after')], sees: ['end 1000/1000'] },
  { name: 'close, close', frames: [closing(closePayload(1000)), closing(closePayload(4000))], sees: ['end 1000/1000'] },
  {
    name: 'close within a message',
    frames: [open('x'), closing(closePayload(1000)), last('y')],
    sees: ['end 1000/1000'],
  },
];

export const CASES: readonly ConformanceCase[] = [...MESSAGES, ...PINGS, ...RESERVED, ...FRAGMENTS, ...UTF8, ...CLOSES];
