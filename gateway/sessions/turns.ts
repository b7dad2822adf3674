/** Turns of the event loop, shared by all sockets: what one may do in a turn is counted, the rest waits for the next. */

export class Turns {
  private number = 1;
  private begun: Promise<void> | undefined;
  private begin: (() => void) | undefined;
  private isArmed = false;
  private readonly advance = (): void => {
    this.number += 1;
    this.isArmed = false;
    this.begun = undefined;
    this.begin?.();
    this.begin = undefined;
  };

  /** Another number in each turn in which it is asked. */
  get current(): number {
    this.arm();
    return this.number;
  }

  /** Resolves in the next turn, when what has arrived meanwhile on other sockets was read. */
  next(): Promise<void> {
    this.arm();
    this.begun ??= new Promise((resolve) => {
      this.begin = resolve;
    });
    return this.begun;
  }

  private arm(): void {
    if (this.isArmed) return;
    this.isArmed = true;
    setImmediate(this.advance);
  }
}
