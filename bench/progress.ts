/** What a long scenario is at, and since when: on standard error, so that figures stay apart. */
const begunAt = performance.now();

export function progress(text: string): void {
  const seconds = String(Math.round((performance.now() - begunAt) / 1_000)).padStart(4);
  process.stderr.write(`${seconds} s  ${text}\n`);
}
