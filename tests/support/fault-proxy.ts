/** A TCP proxy between a client and a server that does to connections what networks do. */

import type { AddressInfo } from 'node:net';
import { connect, createServer, type Server, type Socket } from 'node:net';

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
  /** As by `blackhole`, for this one alone. */
  isLost: boolean;
  /** What the server says does not arrive. */
  isMute: boolean;
}

/** Of a request's first line nothing is split: uWS answers 505 when it does not arrive in one segment. */
const END_OF_LINE = 10;

export class FaultProxy {
  readonly port: number;
  /** Holds each chunk back for so long. */
  delayMs = 0;
  /** Nothing passes, in either direction, and nobody is told. */
  blackhole = false;
  /** Every byte is a segment of its own, after the request line. */
  oneByte = false;
  /** New connections are cut after so many bytes to the client. */
  cutAfterBytes = Number.POSITIVE_INFINITY;
  /** Connections taken so far. */
  accepted = 0;
  private listener: Server;
  private targetPort: number;
  private readonly pairs = new Set<Pair>();

  private constructor(listener: Server, targetPort: number) {
    this.listener = listener;
    this.port = (listener.address() as AddressInfo).port;
    this.targetPort = targetPort;
    this.serve();
  }

  static async to(targetPort: number): Promise<FaultProxy> {
    return new FaultProxy(await listenOn(0), targetPort);
  }

  /** Open again after `close`, on the same port, for this server. */
  async open(targetPort: number): Promise<void> {
    this.listener = await listenOn(this.port);
    this.targetPort = targetPort;
    this.serve();
  }

  /** New connections go to another server; those that are open stay where they are. */
  retarget(port: number): void {
    this.targetPort = port;
  }

  /** Nothing passes any more on the connections that are open now, and nobody is told; new ones work. */
  lose(): void {
    for (const pair of this.pairs) pair.isLost = true;
  }

  /** What servers answer on the connections that are open now does not arrive any more, and nobody is told. */
  loseReplies(): void {
    for (const pair of this.pairs) pair.isMute = true;
  }

  get connections(): number {
    return this.pairs.size;
  }

  /** Ends all connections with FIN. */
  cut(): void {
    for (const pair of [...this.pairs]) this.end(pair);
  }

  /** Ends all connections with RST. */
  reset(): void {
    for (const { client, server } of this.pairs) {
      client.resetAndDestroy();
      server.resetAndDestroy();
    }
  }

  /** The server's direction ends, the client's stays open. */
  halfClose(): void {
    for (const { client } of this.pairs) client.end();
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.listener.close(() => resolve()));
    this.cut();
    await closed;
  }

  private serve(): void {
    this.listener.on('connection', (client) => this.join(client, this.targetPort));
  }

  private join(client: Socket, targetPort: number): void {
    this.accepted += 1;
    const server = connect({ port: targetPort, host: '127.0.0.1', allowHalfOpen: true });
    const pair = { client, server, isLost: false, isMute: false };
    this.pairs.add(pair);
    const left = { bytes: this.cutAfterBytes };
    this.pass(client, server, { bytes: Number.POSITIVE_INFINITY }, pair);
    this.pass(server, client, left, pair);
    for (const socket of [client, server]) {
      socket.setNoDelay(true);
      socket.on('error', () => this.end(pair));
      socket.on('close', () => this.end(pair));
    }
  }

  private pass(from: Socket, to: Socket, left: { bytes: number }, pair: Pair): void {
    let isFirst = true;
    from.on('data', async (chunk) => {
      if (this.blackhole || pair.isLost || (pair.isMute && from === pair.server)) return;
      const whole = isFirst ? chunk.indexOf(END_OF_LINE) + 1 : 0;
      isFirst = false;
      from.pause();
      if (this.delayMs > 0) await new Promise((resolve) => setTimeout(resolve, this.delayMs));
      const passing = chunk.subarray(0, left.bytes);
      left.bytes -= passing.length;
      for (const part of this.oneByte ? split(passing, whole) : [passing]) {
        if (to.destroyed) return;
        to.write(part);
        // Else the kernel would join them again.
        if (this.oneByte) await new Promise((resolve) => setImmediate(resolve));
      }
      from.resume();
      if (left.bytes === 0) this.end(pair);
    });
    from.on('end', () => !this.blackhole && !pair.isLost && to.end());
  }

  private end(pair: Pair): void {
    this.pairs.delete(pair);
    pair.client.destroy();
    pair.server.destroy();
  }
}

async function listenOn(port: number): Promise<Server> {
  const listener = createServer({ allowHalfOpen: true });
  await new Promise<void>((resolve) => listener.listen(port, '127.0.0.1', resolve));
  return listener;
}

function split(chunk: Buffer, whole: number): Buffer[] {
  const bytes = Array.from(chunk.subarray(whole), (_, i) => chunk.subarray(whole + i, whole + i + 1));
  return whole > 0 ? [chunk.subarray(0, whole), ...bytes] : bytes;
}
