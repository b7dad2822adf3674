/** Numbers that look random and are the same for the same seed. */
export type Random = () => number;

/** From 0 (included) to 1 (excluded): mulberry32. @param seed a whole number. */
export function seeded(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

export const below = (random: Random, bound: number): number => Math.floor(random() * bound);
