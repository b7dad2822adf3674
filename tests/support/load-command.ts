/** `presence-load` as people call it: the built command, in a process of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

const COMMAND = 'dist/bench/load/main.js';

/** What `--json` says, as far as tests look at it. */
export interface LoadReport {
  readonly processes: number;
  readonly isInterrupted: boolean;
  readonly mostPlayers: number;
  readonly leftBehind: number;
  readonly latencies: Readonly<Record<string, { count: number; p50Ms: number; p99Ms: number; maxMs: number }>>;
  readonly counts: Readonly<Record<string, number>>;
  readonly errors: Readonly<Record<string, number>>;
  readonly closes: Readonly<Record<string, number>>;
  readonly violations: readonly string[];
  readonly requirements: readonly { text: string; isMet: boolean }[];
}

export interface LoadRun {
  readonly code: number | null;
  /** The report, if there is one. */
  readonly report: LoadReport;
  readonly output: string;
  /** What people read. */
  readonly errors: string;
}

export interface RunningLoad {
  readonly process: ChildProcess;
  readonly over: Promise<LoadRun>;
  /** Resolves once a line of what people read matches. */
  shows(pattern: RegExp): Promise<void>;
}

export function startLoad(argv: readonly string[], env: Readonly<Record<string, string>> = {}): RunningLoad {
  const child = spawn(process.execPath, [COMMAND, ...argv], {
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  let errors = '';
  child.stdout.on('data', (text) => {
    output += text;
  });
  const lines = createInterface(child.stderr);
  lines.on('line', (line) => {
    errors += `${line}\n`;
  });
  const over = new Promise<LoadRun>((resolve) => {
    child.once('close', (code) => {
      const report = (output.startsWith('{') ? JSON.parse(output) : {}) as LoadReport;
      resolve({ code, report, output, errors });
    });
  });
  const shows = (pattern: RegExp): Promise<void> =>
    new Promise((resolve) => {
      const look = (): void => {
        if (!pattern.test(errors)) return;
        lines.off('line', look);
        resolve();
      };
      lines.on('line', look);
      look();
    });
  return { process: child, over, shows };
}

/** Runs to the end and reads the report. */
export function load(argv: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<LoadRun> {
  return startLoad([...argv, '--json', '-'], env).over;
}
