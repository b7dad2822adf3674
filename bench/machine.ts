/** On what a run was made: the machine, the commit, and what else the machine did meanwhile. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem } from 'node:os';

export interface Machine {
  readonly node: string;
  readonly redis: string;
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGb: number;
  readonly kernel: string;
}

/** What the machine did during a run. */
export interface MachineLoad {
  /** Mean numbers of waiting processes over 1, 5 and 15 minutes. */
  readonly before: readonly number[];
  readonly after: readonly number[];
  /** Of the time of all cores, what other processes than those of the bench used; undefined: cannot be told here. */
  readonly othersPercent: number | undefined;
}

const output = (file: string, ...args: string[]): string =>
  (spawnSync(file, args, { encoding: 'utf8' }).stdout ?? '').trim();

export function machine(): Machine {
  return {
    node: process.version,
    redis: /v=(\S+)/.exec(output('redis-server', '--version'))?.[1] ?? 'none',
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryGb: Math.round(totalmem() / 1e9),
    kernel: release(),
  };
}

/** The commit of the sources, with `+` when there were changes beside it; undefined outside a repository. */
export function commit(): string | undefined {
  const id = output('git', 'rev-parse', '--short=12', 'HEAD');
  if (id === '') return undefined;
  const isChanged =
    output('git', 'status', '--porcelain', '--', '.', ':!bench/results', ':!bench/README.md', ':!README.md') !== '';
  return isChanged ? `${id}+` : id;
}

/** In ticks of the kernel since it started, of all cores. */
interface Ticks {
  readonly busy: number;
  readonly all: number;
  /** Of this process and of the children that it has waited for. */
  readonly own: number;
}

/** @param stat the first line of /proc/stat. @param own /proc/self/stat. */
export function readTicks(stat: string, own: string): Ticks {
  const [cpuLine = ''] = stat.split('\n', 1);
  const ticks = cpuLine.trim().split(/\s+/).slice(1).map(Number);
  const [user = 0, nice = 0, system = 0, idle = 0, wait = 0, irq = 0, softIrq = 0, stolen = 0] = ticks;
  const busy = user + nice + system + irq + softIrq + stolen;
  // Behind the name, which may hold anything: fields 12 to 15 are user and system time, and those of children.
  const fields = own.slice(own.lastIndexOf(')') + 2).split(' ');
  return {
    busy,
    all: busy + idle + wait,
    own: fields
      .slice(11, 15)
      .map(Number)
      .reduce((sum, ticks) => sum + ticks, 0),
  };
}

/** @returns percent, from 0 to 100. */
export function othersPercent(before: Ticks, after: Ticks): number {
  const others = after.busy - before.busy - (after.own - before.own);
  const all = after.all - before.all;
  return all > 0 ? Math.min(100, Math.max(0, (100 * others) / all)) : 0;
}

function ticksNow(): Ticks | undefined {
  try {
    return readTicks(readFileSync('/proc/stat', 'utf8'), readFileSync('/proc/self/stat', 'utf8'));
  } catch {
    return undefined;
  }
}

/** Begins to watch the machine. @returns what tells its load since then. */
export function watchMachine(): () => MachineLoad {
  const [before, ticks] = [loadavg(), ticksNow()];
  return () => {
    const now = ticksNow();
    return { before, after: loadavg(), othersPercent: ticks && now && othersPercent(ticks, now) };
  };
}
