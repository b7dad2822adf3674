/** Seeds of model tests: from 1 on, with MODEL_FROM=<seed> from that one on, and with MODEL_SEED=<seed> that one alone. */

const FIRST = Number(process.env.MODEL_FROM ?? 1);

/**
 * Runs a test with so many seeds, and names the one that fails.
 * @param atOnce for tests in real time, which mostly wait: one that fails is run again alone, as others may have held it
 *   up.
 */
export async function withSeeds(count: number, run: (seed: number) => Promise<void>, atOnce = 1): Promise<void> {
  const seeds = seedsOf(count);
  const failures = new Map<number, Error>();
  const work = async (): Promise<void> => {
    for (let seed = seeds.shift(); seed !== undefined && failures.size < atOnce; seed = seeds.shift()) {
      const own = seed;
      await run(own).catch((error: Error) => failures.set(own, error));
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  for (const [seed, first] of failures) {
    const error = atOnce === 1 ? first : await run(seed).then(nothing, (again: Error) => again);
    if (!error) continue;
    error.message = `To run it again: MODEL_SEED=${seed} npm test -- model\n${error.message}`;
    throw error;
  }
}

const nothing = (): undefined => undefined;

function seedsOf(count: number): number[] {
  const { MODEL_SEED } = process.env;
  if (MODEL_SEED !== undefined) return [Number(MODEL_SEED)];
  return Array.from({ length: count }, (_, i) => FIRST + i);
}

/** Numbers from 0 to below 1, the same for the same seed. */
export function randomOf(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
