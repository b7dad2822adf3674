/** One act of one player at one instant. */

/** `reconnect`: closes and resumes at once, as a client does that is asked to go elsewhere. */
export type Act = 'join' | 'leave' | 'switch' | 'drop' | 'resume' | 'reconnect' | 'beat' | 'guard' | 'status';

export interface Step {
  /** From the beginning. */
  readonly atMs: number;
  readonly act: Act;
  /** Number of the player; of a player without a socket for `beat` and `guard`; of the list of ids for `status`. */
  readonly player: number;
  /** Of `join` and `switch`: which stream. */
  readonly stream?: number;
  readonly isStorm?: boolean;
}

/** Steps that are added in the order of time. */
export class StepQueue {
  private steps: Step[] = [];
  private head = 0;

  get dueMs(): number {
    return this.steps[this.head]?.atMs ?? Number.POSITIVE_INFINITY;
  }

  add(step: Step): void {
    this.steps.push(step);
  }

  take(): Step {
    const step = this.steps[this.head++] as Step;
    if (this.head === this.steps.length) {
      this.steps = [];
      this.head = 0;
    }
    return step;
  }
}
