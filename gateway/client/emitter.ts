/** Events by name. A listener that throws does not disturb the others, nor what it listens to. */
export class Emitter<Events> {
  private readonly listeners = new Set<readonly [name: keyof Events, listener: (event: never) => void]>();

  /** @returns a function that takes the listener off again. */
  on<Name extends keyof Events>(name: Name, listener: (event: Events[Name]) => void): () => void {
    // Of its own, so that the same function listening twice is called twice and taken off once.
    const own = [name, listener] as const;
    this.listeners.add(own);
    return () => {
      this.listeners.delete(own);
    };
  }

  /** Calls back after every change of the state. @returns a function that stops it. */
  readonly onStateChange = (listener: () => void): (() => void) => this.on('state' as keyof Events, listener);

  protected emit<Name extends keyof Events>(name: Name, event: Events[Name]): void {
    for (const [wanted, listener] of [...this.listeners]) {
      try {
        if (wanted === name) (listener as (event: Events[Name]) => void)(event);
      } catch (error) {
        setTimeout(() => {
          throw error;
        });
      }
    }
  }
}
