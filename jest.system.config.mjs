import config from './jest.config.mjs';

/**
 * `npm run test:system`: built commands in processes of their own, behind load balancers, in packages, under load; several
 * servers of Redis, MariaDB; what is away, stands still or comes back without its data.
 */
export default {
  ...config,
  testMatch: ['<rootDir>/tests/system/**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/', '/dist/'],
  // Each starts several processes.
  testTimeout: 60_000,
  maxWorkers: 2,
};
