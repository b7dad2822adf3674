/** Questions and answers between two processes over the messages of Node. */
import { createTimeBound, type TimeBound } from '../../presence-core/index.ts';

// biome-ignore lint/suspicious/noExplicitAny: each side names its acts with their own types.
export type Acts = Record<string, (argument: any) => unknown>;

/** A process at the other end; both `process` and a worker of node:cluster fit. */
export interface Port {
  /** Fails by `done`, or returns false, when the other side is gone. */
  send(message: unknown, done: (error: Error | null) => void): unknown;
  on(event: 'message', listener: (message: unknown) => void): unknown;
}

interface Message {
  readonly act?: string;
  readonly argument?: unknown;
  readonly id: number;
  readonly result?: unknown;
  readonly failed?: string;
}

export class Channel<Own extends Acts, Other extends Acts> {
  private readonly port: Port;
  private readonly own: Own;
  private readonly asked = new Map<number, { resolve(result: unknown): void; reject(error: Error): void }>();
  private lastId = 0;
  private readonly within: TimeBound;

  constructor(port: Port, own: Own, answerMs: number) {
    this.port = port;
    this.own = own;
    this.within = createTimeBound(answerMs, () => new Error('no answer from the other process'));
    port.on('message', (message) => void this.receive((message ?? {}) as Message));
  }

  /** Rejects when the other side fails, is gone, or does not answer in time. */
  async ask<Name extends keyof Other & string>(
    act: Name,
    ...[argument]: Parameters<Other[Name]>
  ): Promise<Awaited<ReturnType<Other[Name]>>> {
    this.lastId += 1;
    const id = this.lastId;
    try {
      const answer = new Promise<unknown>((resolve, reject) => {
        this.asked.set(id, { resolve, reject });
        this.send({ id, act, argument }, reject);
      });
      return (await this.within(answer)) as Awaited<ReturnType<Other[Name]>>;
    } finally {
      this.asked.delete(id);
    }
  }

  /** Resolves when it was done, or cannot be: nobody is there. */
  async tell<Name extends keyof Other & string>(act: Name, ...argument: Parameters<Other[Name]>): Promise<void> {
    await this.ask(act, ...argument).catch(() => undefined);
  }

  private async receive({ id, act, argument, result, failed }: Message): Promise<void> {
    if (act === undefined) {
      const asked = this.asked.get(id);
      if (failed === undefined) asked?.resolve(result);
      else asked?.reject(new Error(failed));
      return;
    }
    try {
      this.send({ id, result: await this.own[act]?.(argument) });
    } catch (error) {
      this.send({ id, failed: error instanceof Error ? error.message : String(error) });
    }
  }

  private send(message: Message, failed: (error: Error) => void = () => {}): void {
    try {
      this.port.send(message, (error) => {
        if (error) failed(error);
      });
    } catch (error) {
      failed(error as Error);
    }
  }
}
