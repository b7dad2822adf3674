/** When a worker that ended is started again. */
import { type BackOff, backOffMs } from '../../presence-core/index.ts';

const BACK_OFF: BackOff = { firstMs: 250, maxMs: 30_000 };
/** A worker that served so long was well: what ends it then is not what ended the one before. */
const STEADY_MS = 60_000;
/** Ends in a row after which one who is alone is not tried again. */
const GIVE_UP_AFTER = 5;

export interface End {
  /** 0: it never listened. */
  readonly servedMs: number;
  /** It refused to start as it is configured. */
  readonly refused: boolean;
  /** How long another one serves, the longest; 0: none does. */
  readonly othersServeMs: number;
}

/**
 * Of one place among the workers. It is filled again for as long as another worker serves. When none does, and that does
 * not pass, the parent ends: whoever watches it can do more, and tells an operator. It ends at once for a configuration
 * that is refused, unless another worker serves well with it: those that have just begun may be about to refuse it too.
 */
export class Restarts {
  private inARow = 0;
  private readonly random: () => number;

  constructor(random: () => number = Math.random) {
    this.random = random;
  }

  /** @returns after how many ms to start another; undefined: give up. */
  after({ servedMs, refused, othersServeMs }: End): number | undefined {
    if (refused && othersServeMs < STEADY_MS) return undefined;
    if (servedMs >= STEADY_MS) this.inARow = 0;
    this.inARow += 1;
    if (this.inARow >= GIVE_UP_AFTER && othersServeMs === 0) return undefined;
    return Math.round(backOffMs(BACK_OFF, this.inARow - 1, this.random));
  }
}
