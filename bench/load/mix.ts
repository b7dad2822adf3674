/** What players do, and how often one act is drawn beside the others. */
import type { Random } from './random.ts';

export const MIX_ACTS = {
  join: 'a player who was away comes (or a new one, if nobody is away)',
  leave: 'a player leaves',
  switch: 'a player watches another stream',
  drop: 'a player loses its connection without a word, and resumes after --away',
  beat: 'a player without a socket sends POST /heartbeat (needs --http)',
  guard: 'a guard is created, refreshed or deleted (needs --http)',
} as const;

export type MixAct = keyof typeof MIX_ACTS;
export type Mix = ReadonlyMap<MixAct, number>;

/** `switch=80,drop=10`: weights, of which only the ratios matter. */
export function readMix(text: string): Mix {
  const mix = new Map<MixAct, number>();
  for (const part of text.split(',')) {
    const [, act = '', digits] = /^([a-z]+)=(\d+(?:\.\d+)?)$/.exec(part.trim()) ?? [];
    if (digits === undefined) throw new Error(`'${part}' is not an act with its weight, such as switch=80`);
    if (!Object.hasOwn(MIX_ACTS, act))
      throw new Error(`'${act}' is no act; there are ${Object.keys(MIX_ACTS).join(', ')}`);
    if (mix.has(act as MixAct)) throw new Error(`'${act}' is there twice`);
    if (Number(digits) > 0) mix.set(act as MixAct, Number(digits));
  }
  if (mix.size === 0) throw new Error('no act has a weight above 0');
  return mix;
}

export const mixText = (mix: Mix): string => [...mix].map(([act, weight]) => `${act}=${weight}`).join(',');

/** Draws one of the acts by their weights. */
export function draw(mix: Mix, random: Random): MixAct {
  let left = random() * [...mix.values()].reduce((sum, weight) => sum + weight, 0);
  let drawn: MixAct | undefined;
  for (const [act, weight] of mix) {
    drawn = act;
    left -= weight;
    if (left < 0) break;
  }
  return drawn as MixAct;
}
