/** Whether a worker's loop turns: one that stands still serves nobody, and nothing ends it by itself. */

/** Questions in a row without an answer. A worker that is only busy answers one of them. */
const SILENT_MAX = 3;

export class Liveness {
  private silent = 0;

  /** Asks once. @returns false when it is to be ended. */
  async look(ask: () => Promise<unknown>): Promise<boolean> {
    try {
      await ask();
      this.silent = 0;
    } catch {
      this.silent += 1;
    }
    return this.silent < SILENT_MAX;
  }
}
