/** Milliseconds of the machine's steady clock: the same in all processes of one machine, and never set. */
export function nowMs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1_000 + nanoseconds / 1e6;
}
