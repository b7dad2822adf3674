/** Contenders measured by short turns, so that what else the machine does meanwhile befalls all of them. */
const ROUNDS = 9;

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length % 2 === 1) return sorted[middle] as number;
  return ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}

/** What each round gave, after one that only warms up; the order turns from round to round. */
export async function takeTurns<Name extends string, Result>(
  contenders: Readonly<Record<Name, () => Promise<Result>>>,
  rounds = ROUNDS,
): Promise<Record<Name, Result[]>> {
  const entries = Object.entries<() => Promise<Result>>(contenders) as [Name, () => Promise<Result>][];
  const results = Object.fromEntries(entries.map(([name]) => [name, []])) as unknown as Record<Name, Result[]>;
  for (const [, measure] of entries) await measure();
  for (let round = 0; round < rounds; round++) {
    for (const [name, measure] of turned(entries, round)) results[name].push(await measure());
  }
  return results;
}

/** Nobody always comes after the same one. */
const turned = <T>(items: readonly T[], by: number): T[] => [
  ...items.slice(by % items.length),
  ...items.slice(0, by % items.length),
];

/** The median over the rounds of one contender's value as a multiple of another's in the same round. */
export function medianRatio(values: readonly number[], others: readonly number[]): number {
  return median(values.map((value, round) => value / (others[round] as number)));
}
