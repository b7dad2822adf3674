/** Tests that wait for real time-outs: they begin together before the first test of the file, so that the waits overlap. */
import { beforeAll, test } from '@jest/globals';

/** More than any of them takes, also when all of them share a busy machine. */
const LIMIT_MS = 120_000;

/** What to end when a test is over, in reverse order. */
export type Ends = (() => unknown)[];
type Body = (ends: Ends) => Promise<void>;

/**
 * To be called outside every `describe`. Bodies run at the same time as each other and as the other tests of the file:
 * what they open is their own.
 * @returns what registers such a test; it is reported, and fails, under its own name.
 */
export function slowTests(): (name: string, body: Body) => void {
  const bodies: Body[] = [];
  const outcomes: Array<Promise<void>> = [];
  beforeAll(() => {
    for (const body of bodies) {
      const outcome = run(body);
      // The test of that name reports it, which may come later.
      outcome.catch(() => undefined);
      outcomes.push(outcome);
    }
  });
  return (name, body) => {
    const index = bodies.push(body) - 1;
    test(name, () => outcomes[index], LIMIT_MS);
  };
}

async function run(body: Body): Promise<void> {
  const ends: Ends = [];
  try {
    await body(ends);
  } finally {
    for (const end of ends.reverse()) await end();
  }
}
