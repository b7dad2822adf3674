/** One contract for every database of the history. */
import { describe } from '@jest/globals';
import { figuresContract } from './figures-contract.ts';
import type { HistoryEngine } from './history-fixture.ts';
import { lifeContract } from './life-contract.ts';
import { sessionsContract } from './sessions-contract.ts';

export type { HistoryEngine } from './history-fixture.ts';

export function historyDatabaseContract(name: string, engine: HistoryEngine): void {
  describe(`${name} keeps the contract of the history`, () => {
    lifeContract(engine);
    sessionsContract(engine);
    figuresContract(engine);
  });
}
