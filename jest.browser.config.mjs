import config from './jest.config.mjs';

/** `npm run test:browser`: the SDK in Debian's Chromium. */
export default {
  ...config,
  testMatch: ['<rootDir>/tests/browser/**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/', '/dist/'],
  testTimeout: 60_000,
  maxWorkers: 1,
};
