/** As much of an MQTT 3.1.1 client as presence by last will needs, on a raw socket. */
import { connect, type Socket } from 'node:net';

const CONNECT = 0x10;
const CONNACK = 0x20;
const PUBLISH = 0x30;
const PUBACK = 0x40;
const SUBSCRIBE = 0x82;
const SUBACK = 0x90;
const PINGREQ = Buffer.from([0xc0, 0]);
const RETAIN = 1;
const QOS_1 = 2;
/** Clean session, a will that is retained. */
const FLAGS_WITH_WILL = 0x26;
const FLAGS = 0x02;

const text = (value: string): Buffer => {
  const bytes = Buffer.from(value);
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 0xff]), bytes]);
};

/** Seven bits a byte, the lowest first; the highest bit says that more follow. */
export function lengthBytes(length: number): number[] {
  return length < 128 ? [length] : [(length & 0x7f) | 0x80, ...lengthBytes(length >> 7)];
}

const packet = (type: number, ...parts: Buffer[]): Buffer => {
  const body = Buffer.concat(parts);
  return Buffer.concat([Buffer.from([type, ...lengthBytes(body.length)]), body]);
};

export const connectPacket = (clientId: string, keepAliveS: number, willTopic?: string): Buffer =>
  packet(
    CONNECT,
    text('MQTT'),
    Buffer.from([4, willTopic ? FLAGS_WITH_WILL : FLAGS, keepAliveS >> 8, keepAliveS & 0xff]),
    text(clientId),
    ...(willTopic ? [text(willTopic), text('')] : []),
  );

export const publishPacket = (topic: string, payload: string): Buffer =>
  packet(PUBLISH | RETAIN, text(topic), Buffer.from(payload));

/** The broker answers it. */
export const publishOncePacket = (topic: string, payload: string): Buffer =>
  packet(PUBLISH | RETAIN | QOS_1, text(topic), Buffer.from([0, 1]), Buffer.from(payload));

export const subscribePacket = (topic: string): Buffer =>
  packet(SUBSCRIBE, Buffer.from([0, 1]), text(topic), Buffer.from([0]));

/** Packets out of a stream; the rest waits for more. */
export class PacketReader {
  private rest: Buffer | undefined;

  take(chunk: Buffer, found: (type: number, body: Buffer) => void): void {
    const data = this.rest ? Buffer.concat([this.rest, chunk]) : chunk;
    let at = 0;
    for (;;) {
      let length = 0;
      let head = 1;
      let byte: number | undefined;
      do {
        byte = data[at + head];
        if (byte !== undefined) length |= (byte & 0x7f) << (7 * (head - 1));
        head += 1;
      } while (byte !== undefined && byte > 127);
      const end = at + head + length;
      if (byte === undefined || end > data.length) break;
      found((data[at] as number) & 0xf0, data.subarray(at + head, end));
      at = end;
    }
    this.rest = at < data.length ? data.subarray(at) : undefined;
  }
}

export class MqttClient {
  /** Sockets that were open and that `end` did not end. */
  static lost = 0;
  private isEnded = false;
  private readonly socket: Socket;

  private constructor(socket: Socket) {
    this.socket = socket;
  }

  /**
   * Sends the packets and waits until the last of them is answered.
   * @param told each message's payload.
   * @returns undefined when the broker ends the connection before.
   */
  static open(
    port: number,
    packets: readonly Buffer[],
    told: (payload: Buffer) => void,
  ): Promise<MqttClient | undefined> {
    return new Promise((resolve, reject) => {
      const socket = connect({ port, host: '127.0.0.1', noDelay: true });
      const packetReader = new PacketReader();
      let answers = 0;
      let client: MqttClient | undefined;
      socket.on('data', (chunk: Buffer) =>
        packetReader.take(chunk, (type, body) => {
          if (type === PUBLISH) told(body.subarray(2 + body.readUInt16BE(0)));
          else if ((type === CONNACK || type === PUBACK || type === SUBACK) && ++answers === packets.length) {
            client = new MqttClient(socket);
            resolve(client);
          }
        }),
      );
      socket.on('error', reject);
      socket.on('close', () => {
        if (client && !client.isEnded) MqttClient.lost += 1;
        resolve(undefined);
      });
      socket.write(Buffer.concat(packets));
    });
  }

  publish(topic: string, payload: string): void {
    this.socket.write(publishPacket(topic, payload));
  }

  ping(): void {
    this.socket.write(PINGREQ);
  }

  end(): void {
    this.isEnded = true;
    this.socket.destroy();
  }
}
