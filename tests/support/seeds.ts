/** Seeds of model tests: new ones in each run, and with MODEL_SEED=<seed> that one alone. */

/** Also where the test takes the clock over. */
const FIRST = Date.now() % 2_000_000_000;

/**
 * Runs a test with so many seeds, and names the one that fails.
 * @param atOnce for tests that mostly wait.
 */
export async function withSeeds(count: number, run: (seed: number) => Promise<void>, atOnce = 1): Promise<void> {
  const seeds = seedsOf(count);
  let failed: Error | undefined;
  const work = async (): Promise<void> => {
    for (let seed = seeds.pop(); seed !== undefined && !failed; seed = seeds.pop()) {
      await run(seed).catch((error: Error) => {
        error.message = `To run it again: MODEL_SEED=${seed} npm test -- model\n${error.message}`;
        failed ??= error;
      });
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  if (failed) throw failed;
}

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
