/** A Sentinel whose answers the test times: real ones cannot be made to speak at a given instant. */
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';

export class ScriptedSentinel {
  readonly url: string;
  private readonly listener: Server;
  private readonly sockets = new Set<Socket>();
  private readonly subscribers = new Set<Socket>();
  private masterPort: number;
  /** Answers that are held back. */
  private held: (() => void)[] | undefined;

  private constructor(listener: Server, masterPort: number) {
    this.listener = listener;
    this.masterPort = masterPort;
    this.url = `redis+sentinel://127.0.0.1:${(listener.address() as AddressInfo).port}/main`;
    listener.on('connection', (socket) => this.serve(socket));
  }

  static async for(masterPort: number): Promise<ScriptedSentinel> {
    const listener = createServer();
    await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
    return new ScriptedSentinel(listener, masterPort);
  }

  /** How many wait for announcements. */
  get subscribed(): number {
    return this.subscribers.size;
  }

  /** How many answers are held back. */
  get waiting(): number {
    return this.held?.length ?? 0;
  }

  /** From now on it does not say where the master is. */
  hold(): void {
    this.held = [];
  }

  /** Says what was held back. */
  release(): void {
    const held = this.held ?? [];
    this.held = undefined;
    for (const answer of held) answer();
  }

  /** Announces a failover; resolves when it was written. @param to the master that it names from now on. */
  async announce(to = this.masterPort): Promise<void> {
    const message = array('message', '+switch-master', `main 127.0.0.1 ${this.masterPort} 127.0.0.1 ${to}`);
    this.masterPort = to;
    await Promise.all([...this.subscribers].map((socket) => new Promise((resolve) => socket.write(message, resolve))));
  }

  stop(): void {
    this.listener.close();
    for (const socket of this.sockets) socket.destroy();
  }

  private serve(socket: Socket): void {
    this.sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => {
      this.sockets.delete(socket);
      this.subscribers.delete(socket);
    });
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk;
      const commands = commandsOf(text);
      text = text.slice(commands.length);
      for (const command of commands.list) this.answer(socket, command);
    });
  }

  private answer(socket: Socket, [name, what]: readonly string[]): void {
    const say = (reply: string): void => {
      if (!socket.destroyed) socket.write(reply);
    };
    if (name === 'hello') say('-ERR unknown command `HELLO`\r\n');
    else if (name === 'subscribe') {
      this.subscribers.add(socket);
      say(`*3\r\n$9\r\nsubscribe\r\n$14\r\n+switch-master\r\n:1\r\n`);
    } else if (what?.toLowerCase() === 'get-master-addr-by-name') {
      const answer = (): void => say(array('127.0.0.1', String(this.masterPort)));
      if (this.held) this.held.push(answer);
      else answer();
    } else if (what === 'sentinels') say('*0\r\n');
    else say('+OK\r\n');
  }
}

/** The whole commands that a text begins with, and how long they are. */
function commandsOf(text: string): { list: string[][]; length: number } {
  const list: string[][] = [];
  let length = 0;
  for (;;) {
    const head = /^\*(\d+)\r\n/.exec(text.slice(length));
    if (!head) return { list, length };
    const args: string[] = [];
    let at = length + head[0].length;
    for (let i = 0; i < Number(head[1]); i += 1) {
      const size = /^\$(\d+)\r\n/.exec(text.slice(at));
      if (!size) return { list, length };
      at += size[0].length;
      args.push(text.slice(at, at + Number(size[1])));
      at += Number(size[1]) + 2;
    }
    if (at > text.length) return { list, length };
    list.push([(args[0] as string).toLowerCase(), ...args.slice(1)]);
    length = at;
  }
}

function array(...parts: readonly string[]): string {
  return `*${parts.length}\r\n${parts.map((part) => `$${part.length}\r\n${part}\r\n`).join('')}`;
}
