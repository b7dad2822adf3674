/** Load on an HTTP server, each generator in a process of its own. */
import { type ChildProcess, fork, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { pin } from './cores.ts';

export interface LoadOrder {
  readonly port: number;
  /** Written by `requestFile`; sent in order, again and again. */
  readonly file: string;
  readonly forMs: number;
  readonly connections: number;
}

/** What a generator process is told. */
export interface ProcessOrder extends LoadOrder {
  /** A second, evenly spread, whether or not earlier ones were answered; without it, as fast as they are answered. */
  readonly rate?: number;
  /** The first of the numbers that stand for `NEW_NUMBER`. */
  readonly firstNumber: number;
}

export interface LoadReport {
  readonly perSecond: number;
  readonly answered: number;
}

/** From the instant at which a request was due. */
export interface TimedReport extends LoadReport {
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** What a generator may take beyond its time. */
const SLACK_MS = 15_000;
const NUMBERS_PER_LOAD = 1_000_000;

const hasWrk = spawnSync('wrk', ['--version']).error === undefined;
let loads = 0;
const nextNumber = (): number => (loads++ * NUMBERS_PER_LOAD) % 100_000_000;

/** Ends a generator that does not end by itself. */
async function bounded<T>(child: ChildProcess, forMs: number, result: Promise<T>): Promise<T> {
  pin(child.pid as number, 'others');
  const cut = setTimeout(() => child.kill('SIGKILL'), forMs + SLACK_MS);
  try {
    return await result;
  } finally {
    clearTimeout(cut);
    child.kill('SIGKILL');
  }
}

async function byProcess<Report>(name: string, order: ProcessOrder): Promise<Report> {
  const child = fork(fileURLToPath(new URL(`./${name}.js`, import.meta.url)));
  const told = Promise.race([once(child, 'message'), once(child, 'exit')]);
  child.send(order);
  const [report] = (await bounded(child, order.forMs, told)) as [Report | number | null];
  if (typeof report !== 'object' || report === null) throw new Error(`${name} ended without a report`);
  return report;
}

async function byWrk({ port, file, forMs, connections }: LoadOrder): Promise<LoadReport> {
  const size = ['-t', '1', '-c', String(connections), '-d', `${Math.ceil(forMs / 1_000)}s`];
  const script = ['-s', 'bench/requests.lua', `http://127.0.0.1:${port}`, '--', file, String(nextNumber())];
  const child = spawn('wrk', [...size, ...script], { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.on('data', (data) => {
    text += data;
  });
  await bounded(child, forMs, once(child, 'close'));
  const failure = /Non-2xx.*|Socket errors.*/.exec(text)?.[0];
  const answered = /(\d+) requests in/.exec(text)?.[1];
  if (failure || !answered) throw new Error(`wrk: ${failure ?? text}`);
  return { perSecond: Number(/Requests\/sec:\s+([\d.]+)/.exec(text)?.[1]), answered: Number(answered) };
}

const byAutocannon = (order: LoadOrder): Promise<LoadReport> =>
  byProcess('autocannon-process', { ...order, firstNumber: nextNumber() });

export type Load = (order: LoadOrder) => Promise<LoadReport>;

/** What sends as many requests as are answered, each connection waiting for its answer: the better one first. */
export const closedLoops: readonly [[name: string, Load], ...[name: string, Load][]] = hasWrk
  ? [
      ['wrk', byWrk],
      ['autocannon', byAutocannon],
    ]
  : [['autocannon, for wrk is not installed', byAutocannon]];

export const atMaximum: Load = closedLoops[0][1];

/** The same for sequences, whose later requests need an answer to the first. */
export const sequencesAtMaximum: Load = (order) => byProcess('load-process', { ...order, firstNumber: nextNumber() });

export const atRate = (order: LoadOrder, rate: number): Promise<TimedReport> =>
  byProcess('load-process', { ...order, rate, firstNumber: nextNumber() });
