/** A few connections, kept alive, for the requests of many players; one request at a time on each. */
import { connect, type Socket } from 'node:net';

export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
}

interface Waiting {
  readonly text: string;
  readonly resolve: (answer: HttpAnswer) => void;
  readonly reject: (error: Error) => void;
}

/** One connection at a time; a new one after a server closed it. */
class Lane {
  private current: Waiting | undefined;
  private socket: Socket;
  private received = '';
  private readonly port: number;
  private readonly onFree: (lane: Lane) => void;

  constructor(port: number, onFree: (lane: Lane) => void) {
    this.port = port;
    this.onFree = onFree;
    this.socket = this.connect();
  }

  begin(one: Waiting): void {
    if (this.socket.destroyed) this.socket = this.connect();
    this.current = one;
    this.socket.write(one.text);
  }

  end(): void {
    this.socket.destroy();
  }

  private connect(): Socket {
    this.received = '';
    const socket = connect({ port: this.port, host: '127.0.0.1', noDelay: true });
    socket.setEncoding('latin1');
    const failed = (error: Error): void => {
      if (socket === this.socket) this.free()?.reject(error);
    };
    socket.on('error', failed);
    socket.on('close', () => failed(new Error('the server closed the connection')));
    socket.on('data', (chunk: string) => this.read(chunk));
    return socket;
  }

  private read(chunk: string): void {
    this.received += chunk;
    const headEnd = this.received.indexOf('\r\n\r\n');
    if (headEnd < 0) return;
    const head = this.received.slice(0, headEnd);
    const length = Number(/content-length: *(\d+)/i.exec(head)?.[1] ?? 0);
    const body = this.received.slice(headEnd + 4);
    if (body.length < length) return;
    this.received = '';
    if (/connection: *close/i.test(head)) this.socket.destroy();
    this.free()?.resolve({ status: Number(head.slice(9, 12)), body });
  }

  /** @returns what waited for an answer. */
  private free(): Waiting | undefined {
    const { current } = this;
    this.current = undefined;
    if (current) setImmediate(() => this.onFree(this));
    return current;
  }
}

export class HttpPool {
  /** Of what was sent by `post`: not answered with 200. */
  failures = 0;
  private readonly lanes: Lane[];
  private readonly idle: Lane[];
  private readonly waiting: Waiting[] = [];
  private isEnded = false;

  constructor(port: number, connections: number) {
    this.lanes = Array.from({ length: connections }, () => new Lane(port, (lane) => this.free(lane)));
    this.idle = [...this.lanes];
  }

  /** @param text a whole request. */
  send(text: string): Promise<HttpAnswer> {
    return new Promise((resolve, reject) => {
      const one = { text, resolve, reject };
      if (this.isEnded) return reject(new Error('the pool has ended'));
      const lane = this.idle.pop();
      if (lane) lane.begin(one);
      else this.waiting.push(one);
    });
  }

  /** Sends without waiting. */
  post(text: string): void {
    const failed = (): void => {
      this.failures += 1;
    };
    this.send(text).then(({ status }) => status !== 200 && failed(), failed);
  }

  end(): void {
    this.isEnded = true;
    for (const { reject } of this.waiting.splice(0)) reject(new Error('the pool has ended'));
    for (const lane of this.lanes) lane.end();
  }

  private free(lane: Lane): void {
    const next = this.waiting.shift();
    if (next) lane.begin(next);
    else this.idle.push(lane);
  }
}
