/** When history says that the change log is too short for it. */
import { expect, test } from '@jest/globals';
import { LogReach } from '../../gateway/history/log-reach.ts';

const MINUTE_MS = 60_000;

function reachOf(keptMs: () => number, writer: { backlogRatio: number }): { look(): Promise<void>; lines: string[] } {
  const lines: string[] = [];
  const line =
    (level: string) =>
    (fields: object, message: string): void =>
      void lines.push(`${level} ${JSON.stringify(fields)} ${message}`);
  const reach = new LogReach({
    store: { keptMs: async () => keptMs() },
    writer,
    warnBelowMs: 10 * MINUTE_MS,
    log: { info: line('info'), warn: line('warn') },
  });
  return { look: () => reach.look(), lines };
}

test('[P11] a log that keeps too little is warned of once, while history is behind, and it is said when that is over', async () => {
  const writer = { backlogRatio: 0 };
  let keptMs = Number.POSITIVE_INFINITY;
  const { look, lines } = reachOf(() => keptMs, writer);
  await look();
  keptMs = 2 * MINUTE_MS;
  await look();
  // Behind by 2.4 s, as a writer that keeps up may be.
  writer.backlogRatio = 0.02;
  await look();
  expect(lines).toEqual([]);
  writer.backlogRatio = 0.25;
  await look();
  await look();
  expect(lines).toEqual([expect.stringMatching(/^warn {"keptSeconds":120,"behindSeconds":30} .*LOG_MAX/)]);
  writer.backlogRatio = 0.01;
  await look();
  await look();
  expect(lines.slice(1)).toEqual([expect.stringMatching(/^info /)]);
});

test('[P11] a log that keeps enough is not warned of, however far history is behind', async () => {
  const { look, lines } = reachOf(() => 11 * MINUTE_MS, { backlogRatio: 0.4 });
  await look();
  expect(lines).toEqual([]);
});
