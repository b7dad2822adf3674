/** A WebSocket server that says what a test tells it to: for what the real one cannot be made to do. */
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Frame } from './player.ts';

export interface ScriptedServer {
  readonly url: string;
  /** Everything that was received, of all connections. */
  readonly received: Frame[];
  /** Connections taken so far. */
  readonly sockets: WebSocket[];
  close(): Promise<void>;
}

/** @param answer called for each frame with a way to reply, and which connection it is, counted from 1. */
export async function startScriptedServer(
  answer: (frame: Frame, send: (message: object) => void, socket: WebSocket, connection: number) => void,
): Promise<ScriptedServer> {
  const listener = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  await new Promise((resolve) => listener.once('listening', resolve));
  const received: Frame[] = [];
  const sockets: WebSocket[] = [];
  listener.on('connection', (socket) => {
    const connection = sockets.push(socket);
    socket.on('error', () => {});
    socket.on('message', (data) => {
      const frame = JSON.parse(data.toString()) as Frame;
      received.push(frame);
      answer(frame, (message) => socket.send(JSON.stringify(message)), socket, connection);
    });
  });
  return {
    url: `ws://127.0.0.1:${(listener.address() as AddressInfo).port}/ws`,
    received,
    sockets,
    close: () => {
      for (const socket of listener.clients) socket.terminate();
      return new Promise((resolve) => listener.close(() => resolve()));
    },
  };
}

/** What a server says to a hello that it accepts. */
export function welcome(hello: Frame): object {
  const { userId = 'u', sessionId = 's', resume } = hello;
  const identity = hello.observe ? {} : { userId, sessionId, resumeToken: 'token', current: 1, max: 3, expiresAt: 1 };
  return { type: 'welcome', ...identity, resumed: resume !== undefined, pingIntervalMs: 25_000, resumeGraceMs: 10_000 };
}
