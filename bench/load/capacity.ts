/** How many processes a run takes, and whether this machine lets it open that many sockets. */
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { openFilesLimit } from '../../gateway/limits/descriptors.ts';
import { HTTP_CONNECTIONS } from './http-caller.ts';
import { type LoadOptions, UsageError } from './options.ts';

/** What one core plays without being late. */
const PLAYERS_PER_PROCESS = 2_500;
/** Files that Node.js itself has open, and some more. */
const OTHER_FILES = 64;
/** Joins may outnumber leaves for a while. */
const MORE_PLAYERS = 1.1;

export interface Machine {
  readonly cores: number;
  /** Of one process. */
  readonly openFiles: number;
  /** From one address to one. */
  readonly ports: number;
}

export function thisMachine(): Machine {
  return { cores: availableParallelism(), openFiles: openFilesLimit(), ports: ephemeralPorts() };
}

function ephemeralPorts(): number {
  try {
    const [from = 0, to = 0] = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8')
      .trim()
      .split(/\s+/)
      .map(Number);
    return to - from + 1;
  } catch {
    return 16_384;
  }
}

const socketsOf = ({ players, dashboards }: LoadOptions): number =>
  Math.ceil(players * MORE_PLAYERS) + dashboards.reduce((sum, { count }) => sum + count, 0);

/** Files that each of so many processes has open. */
function filesOf(options: LoadOptions, processes: number): number {
  return Math.ceil(socketsOf(options) / processes) + (options.http === undefined ? 0 : HTTP_CONNECTIONS) + OTHER_FILES;
}

/** @throws UsageError, with what to do, when the machine does not allow it. */
export function processesFor(options: LoadOptions, { cores, openFiles, ports }: Machine): number {
  const sockets = socketsOf(options);
  const possible = ports * Math.max(1, options.localAddresses.length);
  if (sockets > possible)
    throw new UsageError(
      `${sockets} sockets need more ports than the ${possible} of this machine: name further addresses with --local-addresses`,
    );
  const wanted = options.processes ?? Math.max(1, Math.min(cores, Math.ceil(options.players / PLAYERS_PER_PROCESS)));
  if (filesOf(options, wanted) <= openFiles) return wanted;
  const free = openFiles - filesOf(options, Number.POSITIVE_INFINITY);
  const enough = Math.ceil(sockets / free);
  if (options.processes === undefined && free > 0) return enough;
  const advice = free > 0 ? `, or use --processes ${enough}` : '';
  throw new UsageError(
    `${filesOf(options, wanted)} open files are needed in each of ${wanted} processes, and ${openFiles} are allowed: raise the limit (ulimit -n)${advice}`,
  );
}
