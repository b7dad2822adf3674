/**
 * Sends requests at a rate that does not heed the answers (open loop), and takes each latency from the instant at which
 * the request was due: a server that stands still is not spared the requests that would have come meanwhile. Neither
 * wrk nor autocannon does so: autocannon sends what a second may have at once, at the second's beginning.
 */
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import type { ProcessOrder, TimedReport } from './load.ts';
import { NEW_NUMBER, NEXT_REQUEST, NEXT_STEP } from './requests.ts';

/** Sleeps so long between looks at the clock: timers of Node are a millisecond or two late. */
const NAP_MS = 0.1;
/** Connections are made and code gets warm: latencies of the beginning are left out. */
const WARM_MS = 500;
/** What is not answered by then will not be. */
const LAST_ANSWERS_MS = 5_000;
/** A closed loop goes on by its answers; so often it is looked whether it is over. */
const CLOSED_LOOP_LOOK_MS = 10;
const ID = /"[a-zA-Z]*Id":"([^"]+)"/;

interface Step {
  readonly text: string;
  readonly bytes: Buffer;
  /** Must be written anew for each sequence. */
  readonly isTemplate: boolean;
}

const nap = new Int32Array(new SharedArrayBuffer(4));

function readSequences(file: string): Step[][] {
  const parse = (text: string): Step => {
    const isTemplate = text.includes(NEW_NUMBER) || text.includes('{id}');
    return { text, bytes: Buffer.from(text), isTemplate };
  };
  return readFileSync(file, 'utf8')
    .split(NEXT_REQUEST)
    .map((text) => text.split(NEXT_STEP).map(parse));
}

/** One connection, one request at a time. */
class Lane {
  private readonly socket: Socket;
  private readonly answered: (lane: Lane, status: number, startedAt: number) => void;
  private received: Buffer | undefined;
  private steps: readonly Step[] = [];
  private step = 0;
  private startedAt = 0;
  private number = '';
  private id = '';

  constructor(port: number, answered: Lane['answered'], failed: (error: Error) => void) {
    this.answered = answered;
    this.socket = connect(port, '127.0.0.1');
    this.socket.setNoDelay(true);
    this.socket.on('data', (data) => this.read(data));
    this.socket.on('error', failed);
    this.socket.on('close', () => failed(new Error('a connection was closed')));
  }

  /** @param startedAt when the first request was due. */
  begin(steps: readonly Step[], number: number, startedAt: number): void {
    this.steps = steps;
    this.step = 0;
    this.number = String(number).padStart(NEW_NUMBER.length, '0');
    this.send(startedAt);
  }

  /** @returns false when the sequence is over. */
  next(): boolean {
    this.step += 1;
    if (this.step >= this.steps.length) return false;
    this.send(performance.now());
    return true;
  }

  private send(startedAt: number): void {
    const { text, bytes, isTemplate } = this.steps[this.step] as Step;
    this.startedAt = startedAt;
    this.socket.write(isTemplate ? text.replaceAll(NEW_NUMBER, this.number).replaceAll('{id}', this.id) : bytes);
  }

  private read(data: Buffer): void {
    const all = this.received ? Buffer.concat([this.received, data]) : data;
    const headEnd = all.indexOf('\r\n\r\n');
    const head = all.toString('latin1', 0, headEnd);
    const length = Number(/content-length: *(\d+)/i.exec(head)?.[1] ?? 0);
    if (headEnd < 0 || all.length < headEnd + 4 + length) {
      this.received = all;
      return;
    }
    this.received = undefined;
    if (this.step === 0 && this.steps.length > 1) this.id = ID.exec(all.toString('latin1', headEnd))?.[1] ?? '';
    this.answered(this, Number(head.slice(9, 12)), this.startedAt);
  }
}

class Load {
  private readonly order: ProcessOrder;
  private readonly sequences: readonly Step[][];
  private readonly idle: Lane[] = [];
  private readonly latenciesMs: number[] = [];
  private begun = 0;
  private count = 0;
  private startedAt = 0;
  private readonly failed: (error: Error) => void;

  constructor(order: ProcessOrder, failed: (error: Error) => void) {
    this.order = order;
    this.failed = failed;
    this.sequences = readSequences(order.file);
    const answered = (lane: Lane, status: number, startedAt: number): void => this.answered(lane, status, startedAt);
    for (let i = 0; i < order.connections; i++) this.idle.push(new Lane(order.port, answered, failed));
  }

  /** Ends when all that was sent is answered. */
  async run(): Promise<TimedReport> {
    const { connections, forMs, rate } = this.order;
    this.startedAt = performance.now();
    if (rate === undefined) for (const lane of this.idle.splice(0)) this.begin(lane, this.startedAt);
    let elapsedMs = 0;
    for (; elapsedMs < forMs || this.idle.length < connections; elapsedMs = performance.now() - this.startedAt) {
      if (elapsedMs > forMs + LAST_ANSWERS_MS) throw new Error('some requests were not answered');
      if (rate === undefined) {
        await sleep(CLOSED_LOOP_LOOK_MS);
      } else {
        this.beginDue(Math.min(elapsedMs, forMs), rate / (this.sequences[0] as Step[]).length);
        Atomics.wait(nap, 0, 0, NAP_MS);
        await turn();
      }
    }
    const latencies = this.latenciesMs.sort((a, b) => a - b);
    const percentile = (share: number): number => latencies[Math.floor(latencies.length * share)] as number;
    return {
      perSecond: (this.count * 1_000) / elapsedMs,
      answered: this.count,
      p50Ms: percentile(0.5),
      p99Ms: percentile(0.99),
    };
  }

  private beginDue(elapsedMs: number, sequencesPerSecond: number): void {
    const everyMs = 1_000 / sequencesPerSecond;
    while (this.idle.length > 0 && this.begun * everyMs < elapsedMs) {
      this.begin(this.idle.shift() as Lane, this.startedAt + this.begun * everyMs);
    }
  }

  private begin(lane: Lane, dueAt: number): void {
    const sequence = this.sequences[this.begun % this.sequences.length] as Step[];
    lane.begin(sequence, this.order.firstNumber + this.begun, dueAt);
    this.begun += 1;
  }

  private answered(lane: Lane, status: number, startedAt: number): void {
    if (status < 200 || status > 299) this.failed(new Error(`answered ${status}`));
    const now = performance.now();
    this.count += 1;
    if (startedAt > this.startedAt + WARM_MS) this.latenciesMs.push(now - startedAt);
    if (lane.next()) return;
    if (this.order.rate === undefined && now < this.startedAt + this.order.forMs) this.begin(lane, now);
    else this.idle.push(lane);
  }
}

process.once('message', (order: ProcessOrder) => {
  const failed = (error: Error): void => {
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
  };
  void new Load(order, failed).run().then((report) => process.send?.(report), failed);
});
