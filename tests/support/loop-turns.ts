/** For tests whose other side runs in the same process. */
import { setImmediate as turn } from 'node:timers/promises';

/** A connection that is accepted in one turn is read in the next; and the turn that runs may have read already. */
const TURNS = 3;

/** Resolves when the event loop has read what was sent before, also when it stands still for longer than any pause. */
export async function hasRead(): Promise<void> {
  for (let i = 0; i < TURNS; i += 1) await turn();
}
