/** Runs the table of frames against a transport that echoes. Each connection tells of what it saw in order. */
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import type { CreateTransport, Transport } from '../../../gateway/transport/transport.ts';
import { frame, OPCODE, type RawWebSocket, type ReceivedFrame, until } from '../../support/raw-websocket.ts';
import { transportRig } from '../transport/test-rig.ts';
import { BINARY, CASES, type ConformanceCase, DIFFERENCES, LIMIT } from './conformance-cases.ts';

/** Sent after each case: its echo tells that the connection lives, and that all before it was answered. */
const ALIVE = 'still alive';

export function websocketConformance(name: Transport['name'], create: CreateTransport): void {
  const { start, raw } = transportRig(create, { closeTimeoutMs: 4_000 });

  describe(`${name} conformance`, () => {
    // W33 lists where the transports differ; all else is the same on both.
    test.each(CASES.filter(({ differs }) => differs))('[W33] $name', run);
    test.each(CASES.filter(({ differs }) => !differs))('$name', run);

    async function run({ frames, sees, differs, pieces }: ConformanceCase): Promise<void> {
      const rig = await start(
        { maxMessageBytes: LIMIT },
        { message: (socket, text) => void socket.send(text ?? BINARY) },
      );
      const client = await raw(rig.port);
      await write(client, Buffer.concat([...frames, frame(OPCODE.text, ALIVE)]), pieces);
      await until(() => client.closeCode !== undefined || client.texts.includes(ALIVE), 'an answer or an end');
      const seen = client.frames.filter(({ opcode }) => opcode !== OPCODE.close).map(told);
      if (client.closeCode !== undefined) {
        client.destroy();
        await until(() => rig.closes.length > 0, 'handlers.close');
        seen.push(`end ${client.closeCode}/${rig.closes[0]?.code}`);
      }
      const expected: string[] = [...(differs && name === 'uws' ? DIFFERENCES[differs].uws : sees)];
      if (!expected.at(-1)?.startsWith('end')) expected.push(`text ${ALIVE}`);
      expect(seen).toEqual(expected);
    }
  });
}

async function write(client: RawWebSocket, bytes: Buffer, pieces = bytes.length): Promise<void> {
  client.stream.setNoDelay();
  for (let at = 0; at < bytes.length; at += pieces) {
    client.write(bytes.subarray(at, at + pieces));
    if (pieces < bytes.length) await turn();
  }
}

function told({ opcode, payload }: ReceivedFrame): string {
  const kind = { [OPCODE.text]: 'text', [OPCODE.pong]: 'pong' }[opcode] ?? `opcode ${opcode}`;
  return `${kind} ${payload}`;
}
