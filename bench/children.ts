/** Processes that the bench starts: none of them outlives it, also when it is ended by a signal. */
import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** A process and all that it has started and that live. */
export function treePids(pid: number): number[] {
  let children = '';
  try {
    children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  } catch {
    // It is gone, or the kernel does not tell.
  }
  return [pid, ...(children === '' ? [] : children.split(' ').map(Number).flatMap(treePids))];
}

/** Kills a process with all that it has started. */
export function killTree(pid: number): void {
  for (const one of treePids(pid)) {
    try {
      process.kill(one, 'SIGKILL');
    } catch {
      // It is gone.
    }
  }
}

const pids = new Set<number>();

/** @param child ends at the latest with this process. */
export function endWithUs(child: ChildProcess | undefined): void {
  const pid = child?.pid;
  if (pid === undefined) return;
  if (pids.size === 0 && process.listenerCount('exit', endAll) === 0) process.on('exit', endAll);
  pids.add(pid);
  child?.once('exit', () => pids.delete(pid));
}

function endAll(): void {
  for (const pid of pids) killTree(pid);
}
