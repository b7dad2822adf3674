/** A raw client that answers the server's pings, after as long as a network would take: at rest, they are the load. */
import type { Socket } from 'node:net';

const PING = 0x9;
/** FIN and the opcode of a pong. */
const PONG = 0x8a;
const MASKED = 0x80;
const LENGTH_16 = 126;
const LENGTH_64 = 127;
/** As of players from near and far. */
const DELAY_MAX_MS = 80;

/** @param socket upgraded; nobody else reads it any more. */
export function answerPings(socket: Socket): void {
  let rest: Buffer = Buffer.alloc(0);
  socket.on('data', (data) => {
    rest = rest.length > 0 ? Buffer.concat([rest, data]) : data;
    for (let frame = frameOf(rest); frame; frame = frameOf(rest)) {
      const { payload, end } = frame;
      if (frame.opcode === PING) setTimeout(() => pong(socket, payload), Math.random() * DELAY_MAX_MS);
      rest = rest.subarray(end);
    }
  });
}

/** The first frame of a server, which masks nothing; undefined while some of it is to come. */
function frameOf(data: Buffer): { opcode: number; payload: Buffer; end: number } | undefined {
  if (data.length < 2) return undefined;
  const opcode = (data[0] as number) & 0xf;
  let length = data[1] as number;
  let start = 2;
  if (length === LENGTH_16) {
    if (data.length < 4) return undefined;
    length = data.readUInt16BE(2);
    start = 4;
  } else if (length === LENGTH_64) {
    if (data.length < 10) return undefined;
    length = Number(data.readBigUInt64BE(2));
    start = 10;
  }
  const end = start + length;
  return data.length < end ? undefined : { opcode, payload: data.subarray(start, end), end };
}

/** A control frame has at most 125 bytes; a mask of zeros leaves them as they are. */
function pong(socket: Socket, payload: Buffer): void {
  if (socket.writable) socket.write(Buffer.concat([Buffer.from([PONG, MASKED | payload.length, 0, 0, 0, 0]), payload]));
}
