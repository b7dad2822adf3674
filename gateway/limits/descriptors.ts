/** How many sockets this process may hold: each takes a file descriptor, and without one nothing can be accepted. */
import { readFileSync } from 'node:fs';

/** Of systems that do not say: what most of them allow. */
const UNKNOWN_LIMIT = 4_096;
/** For Redis, SQL, files and what the runtime opens; less where there are few. */
const KEPT = 512;
const KEPT_SHARE = 1 / 4;
/** The others are for HTTP. */
const SOCKETS_SHARE = 4 / 5;

export interface DescriptorShares {
  readonly sockets: number;
  readonly http: number;
}

/** @returns the limit of open files of this process, which Node.js has raised to what it may be. */
export function openFilesLimit(limits = readLimits()): number {
  const soft = /^Max open files\s+(\d+|unlimited)/m.exec(limits)?.[1];
  if (soft === 'unlimited') return Number.MAX_SAFE_INTEGER;
  return soft === undefined ? UNKNOWN_LIMIT : Number(soft);
}

export function shareOut(openFiles: number): DescriptorShares {
  const free = openFiles - Math.min(KEPT, Math.floor(openFiles * KEPT_SHARE));
  const sockets = Math.floor(free * SOCKETS_SHARE);
  return { sockets, http: free - sockets };
}

function readLimits(): string {
  try {
    return readFileSync('/proc/self/limits', 'utf8');
  } catch {
    return '';
  }
}
