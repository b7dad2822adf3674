import config from './jest.config.mjs';

/** `npm run test:peers`: each job of the bench with each peer, small. */
export default {
  ...config,
  testMatch: ['<rootDir>/tests/peers/**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/', '/dist/'],
  // A machine that has much else to do takes ten times as long.
  testTimeout: 600_000,
  maxWorkers: 1,
};
