/** A part of a scenario: what `npm run bench -- <scenario> <part>` runs. */
import type { BenchOptions } from './options.ts';
import type { Figure } from './report.ts';

interface Shown {
  /** What its figures say, in a few words. */
  readonly shows: string;
}

export interface Part extends Shown {
  /** On an idle machine of two cores, with the default options. */
  readonly takesMs: number;
  readonly run: (options: BenchOptions) => Promise<Figure[]>;
  /** `npm run bench -- all` runs it. */
  readonly isInAll?: true;
}

/** Measured at each size of `--sessions` by itself, so that a size that fails costs no other. */
export interface SizedPart extends Shown {
  /** On an idle machine of two cores: whatever the size, and for each million of sessions. */
  readonly takesMs: { readonly base: number; readonly perMillion: number };
  readonly runAt: (sessions: number) => Promise<Figure[]>;
}

const MILLION = 1_000_000;

export const isSized = (part: Part | SizedPart): part is SizedPart => 'runAt' in part;

export const takesMsAt = ({ takesMs }: SizedPart, sessions: number): number =>
  takesMs.base + (takesMs.perMillion * sessions) / MILLION;
