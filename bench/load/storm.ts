/** What many do at once, in the middle of the hold. */
import { PREMIERE_STREAM } from './cast.ts';
import type { Random } from './random.ts';
import type { Step } from './step.ts';

export const STORMS = {
  deploy: 'every player is moved: evenly over --storm-over it closes and resumes at once',
  premiere: 'half of the players come only now, and all switch to one stream, within --storm-over',
  reconnect: 'all connections are lost at one instant, and all resume within --storm-over',
} as const;

export type StormKind = keyof typeof STORMS;

export interface StormScene {
  readonly atMs: number;
  readonly overMs: number;
  readonly here: readonly number[];
  readonly absent: readonly number[];
  readonly random: Random;
}

/** Steps in the order of time. */
export function stormSteps(kind: StormKind, { atMs, overMs, here, absent, random }: StormScene): Step[] {
  const sometime = (): number => atMs + random() * overMs;
  const stream = PREMIERE_STREAM;
  switch (kind) {
    case 'deploy':
      return here.map((player, i) => ({ atMs: atMs + (i * overMs) / here.length, act: 'reconnect', player }));
    case 'premiere':
      return inOrder([
        ...absent.map((player): Step => ({ atMs: sometime(), act: 'join', player, stream })),
        ...here.map((player): Step => ({ atMs: sometime(), act: 'switch', player, stream })),
      ]);
    case 'reconnect':
      return [
        ...here.map((player): Step => ({ atMs, act: 'drop', player })),
        ...inOrder(here.map((player): Step => ({ atMs: sometime(), act: 'resume', player }))),
      ];
  }
}

const inOrder = (steps: Step[]): Step[] => steps.sort((a, b) => a.atMs - b.atMs);
