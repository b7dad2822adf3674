/** The history in an SQLite file: the contract, and what only a file can suffer. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect } from '@jest/globals';
import { historyAct } from '../../support/history-process.ts';
import { historyDatabaseContract } from './history-contract.ts';

const folder = mkdtempSync(join(tmpdir(), 'presence-history-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let files = 0;

historyDatabaseContract('SQLite', {
  newUrl: async () => `sqlite:${folder}/new/${++files}.db`,
  async execute(url, statement) {
    expect(await historyAct(['sql', url.slice('sqlite:'.length), statement])).toContain('changes');
  },
});
