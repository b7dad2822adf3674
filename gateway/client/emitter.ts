/** Events by name. A listener that throws does not disturb the others, nor what it listens to. */
export class Emitter<Events> {
  private readonly listeners = new Map<keyof Events, Set<(event: never) => void>>();

  /** @returns a function that takes the listener off again. */
  on<Name extends keyof Events>(name: Name, listener: (event: Events[Name]) => void): () => void {
    // Of its own, so that the same function listening twice is called twice and taken off once.
    const own = (event: Events[Name]): void => listener(event);
    const set = this.listeners.get(name) || new Set();
    this.listeners.set(name, set.add(own));
    return () => {
      set.delete(own);
    };
  }

  /** Calls back after every change of the state. @returns a function that stops it. */
  readonly onStateChange = (listener: () => void): (() => void) => this.on('state' as keyof Events, listener);

  protected emit<Name extends keyof Events>(name: Name, event: Events[Name]): void {
    for (const listener of [...(this.listeners.get(name) || [])]) {
      try {
        (listener as (event: Events[Name]) => void)(event);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
