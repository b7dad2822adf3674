/** Which processor runs what: a server has the first for itself, its Redis and the load share the second. */
import { spawnSync } from 'node:child_process';
import { cpus } from 'node:os';

type Core = 'server' | 'others';

const CORES: Readonly<Record<Core, string>> = { server: '0', others: '1' };
const PINNED = 'Servers run on one core, Redis and load on another.';
const NOT_PINNED = 'Nothing is pinned to a core: that needs taskset and two cores.';
const isPossible = cpus().length > 1 && spawnSync('taskset', ['--version']).status === 0;

let isTold = false;

/** Holds a process, and what it starts from now on, on a core. */
export function pin(pid: number, core: Core): void {
  if (!isTold) process.stdout.write(`${isPossible ? PINNED : NOT_PINNED}\n`);
  isTold = true;
  if (!isPossible) return;
  const { status, stderr } = spawnSync('taskset', ['--all-tasks', '--pid', '--cpu-list', CORES[core], String(pid)]);
  if (status !== 0) throw new Error(`taskset: ${stderr}`);
}
