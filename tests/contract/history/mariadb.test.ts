/** The history in MariaDB: the contract, on a server of the test's own. */
import { afterAll, beforeAll } from '@jest/globals';
import { startMariadb, type TestMariadb } from '../../support/mariadb-server.ts';
import { historyDatabaseContract } from './history-contract.ts';

/** A new server lays out its files first. */
const START_MS = 300_000;

let server: TestMariadb;
beforeAll(async () => {
  server = await startMariadb();
}, START_MS);
afterAll(() => server?.stop());

historyDatabaseContract('MariaDB', {
  newUrl: () => server.newUrl(),
  async execute(url, statement) {
    await server.query(`use ${new URL(url).pathname.slice(1)}`, statement);
  },
});
