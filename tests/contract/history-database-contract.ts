/** One contract for every database of the history. */
import { describe } from '@jest/globals';
import { figuresContract } from './history-contract-figures.ts';
import { lifeContract } from './history-contract-life.ts';
import { sessionsContract } from './history-contract-sessions.ts';
import type { HistoryEngine } from './history-stage.ts';

export type { HistoryEngine } from './history-stage.ts';

export function historyDatabaseContract(name: string, engine: HistoryEngine): void {
  describe(`${name} keeps the contract of the history`, () => {
    lifeContract(engine);
    sessionsContract(engine);
    figuresContract(engine);
  });
}
