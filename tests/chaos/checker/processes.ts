/** I6: no process ends by itself, nothing that nobody caught, no flood of lines, memory bounded. */
import type { RunRecord } from '../record.ts';

const ERROR = 50;
/** Answers 503 are lines of this level. */
const SAID = /^(store_unavailable|overloaded|draining):/;
/** Lines of one gateway within a second: an outage is told in a few. */
const LINES_PER_SECOND = 40;
const MEMORY_MB = 600;

export function checkProcesses(run: RunRecord): string[] {
  const faults: string[] = [];
  for (const { gateway, wasPlanned, code, signal } of run.ends) {
    if (!wasPlanned) faults.push(`${gateway} ended by itself: ${signal ?? `code ${code}`}`);
  }
  const seconds = new Map<string, number>();
  for (const { gateway, at, level, message } of run.lines) {
    if (level >= ERROR && !SAID.test(message)) faults.push(`${gateway} logged an error: ${message.slice(0, 200)}`);
    const second = `${gateway} ${Math.floor(at / 1_000)}`;
    seconds.set(second, (seconds.get(second) ?? 0) + 1);
  }
  const most = Math.max(0, ...seconds.values());
  if (most > LINES_PER_SECOND) faults.push(`${most} log lines of one gateway within a second`);
  for (const { gateway, mb } of run.final?.memoryMb ?? []) {
    if (mb > MEMORY_MB) faults.push(`${gateway} holds ${Math.round(mb)} MB`);
  }
  return faults;
}
