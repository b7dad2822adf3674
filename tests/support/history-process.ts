/** Runs history-process.mjs: another process on the same history. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('./history-process.mjs', import.meta.url));

export interface HistoryProcess {
  readonly child: ChildProcessWithoutNullStreams;
  /** What it has said so far, by line. */
  readonly lines: string[];
  /** Resolves with the first line it says, or with '' when it ends without a word. */
  readonly first: Promise<string>;
  readonly exited: Promise<number | null>;
  kill(): Promise<void>;
}

export function historyProcess(args: readonly string[], env: Record<string, string> = {}): HistoryProcess {
  const child = spawn(process.execPath, [PROGRAM, ...args], { env: { ...process.env, ...env } });
  const lines: string[] = [];
  const exited = once(child, 'close').then(([code]) => code as number | null);
  const first = new Promise<string>((resolve) => {
    createInterface(child.stdout).on('line', (line) => {
      lines.push(line);
      resolve(line);
    });
    exited.then(() => resolve(''));
  });
  child.stderr.pipe(process.stderr);
  return {
    child,
    lines,
    first,
    exited,
    async kill() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

/** Runs one act to its end; what it said last. */
export async function historyAct(args: readonly string[], env: Record<string, string> = {}): Promise<string> {
  const act = historyProcess(args, env);
  await act.exited;
  return act.lines.at(-1) ?? '';
}
