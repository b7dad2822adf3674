/** The generator processes, as the command sees them. */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { FromWorker, Tick, ToWorker, WorkerOrder } from './messages.ts';

const PROCESS = fileURLToPath(new URL('./generator-process.js', import.meta.url));

type Kind = FromWorker['type'];
type Message<Name extends Kind> = Extract<FromWorker, { type: Name }>;

export class Worker {
  private readonly child: ChildProcess;
  private readonly waiting = new Map<Kind, (message: FromWorker) => void>();
  private fail: (error: Error) => void = () => {};
  /** Rejects when the process ends before it is done. */
  private readonly broken: Promise<never>;

  constructor(order: WorkerOrder, ticked: (tick: Tick) => void) {
    // A Map in the order needs more than JSON.
    this.child = fork(PROCESS, [], { serialization: 'advanced' });
    this.broken = new Promise((_, reject) => {
      this.fail = reject;
    });
    this.broken.catch(() => {});
    this.child.on('message', (message: FromWorker) => {
      if (message.type === 'tick') ticked(message);
      else this.waiting.get(message.type)?.(message);
    });
    this.child.once('exit', (code, signal) =>
      this.fail(new Error(`generator ${order.index + 1} ended unexpectedly (${signal ?? code})`)),
    );
    this.tell({ type: 'order', order });
  }

  tell(message: ToWorker): void {
    if (this.child.connected) this.child.send(message);
  }

  /** Call it before what leads to the message. */
  next<Name extends Kind>(type: Name): Promise<Message<Name>> {
    const told = new Promise<Message<Name>>((resolve) => {
      this.waiting.set(type, (message) => resolve(message as Message<Name>));
    });
    return Promise.race([told, this.broken]);
  }

  /** It ends by itself; players who are still there leave before. */
  release(): void {
    if (this.child.connected) this.child.disconnect();
  }
}
