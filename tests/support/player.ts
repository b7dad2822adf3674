/** A player as a test drives it: sends frames, and waits for the ones it expects. */
import { type ClientOptions, WebSocket } from 'ws';

export type Frame = Record<string, unknown> & { type: string };

export class Player {
  readonly socket: WebSocket;
  readonly frames: Frame[] = [];
  /** Resolves with the close code. */
  readonly closed: Promise<number>;
  private wake: () => void = () => {};
  private isClosed = false;

  private constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on('message', (data) => {
      this.frames.push(JSON.parse(data.toString()) as Frame);
      this.wake();
    });
    this.closed = new Promise((resolve) => {
      socket.on('close', (code) => {
        this.isClosed = true;
        this.wake();
        resolve(code);
      });
    });
    socket.on('error', () => {});
  }

  static async connect(port: number, options: ClientOptions = {}): Promise<Player> {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/ws`, 'presence.v1.json', options);
    const player = new Player(socket);
    await new Promise<void>((resolve, reject) => {
      socket.once('open', () => resolve());
      socket.once('error', reject);
    });
    return player;
  }

  /** Connects and says hello; resolves with the player and the first frame it gets. */
  static async hello(port: number, hello: object): Promise<[Player, Frame]> {
    const player = await Player.connect(port);
    player.send({ type: 'hello', ...hello });
    return [player, await player.next()];
  }

  send(message: object | string): void {
    this.socket.send(typeof message === 'string' ? message : JSON.stringify(message));
  }

  /** Takes the next frame that was not taken yet, of a type if given; fails when the socket closes before. */
  async next(type?: string): Promise<Frame> {
    for (;;) {
      const at = this.frames.findIndex((frame) => type === undefined || frame.type === type);
      if (at >= 0) return this.frames.splice(at, 1)[0] as Frame;
      if (this.isClosed) throw new Error(`closed before ${type ?? 'a frame'} came`);
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
  }

  /** Sends a message with an id and takes the reply to it. */
  async ask(message: object): Promise<Frame> {
    const id = `m${Math.random()}`;
    this.send({ ...message, id });
    for (;;) {
      const frame = await this.next();
      if (frame.id === id) return frame;
    }
  }

  async leave(): Promise<number> {
    this.send({ type: 'leave' });
    return this.closed;
  }

  /** The network is gone: no close frame. */
  async vanish(): Promise<void> {
    this.socket.terminate();
    await this.closed;
  }
}
