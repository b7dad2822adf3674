import { spawnSync } from 'node:child_process';
import { bundledPackages } from './tests/tools/bundled-packages.mjs';

/** Tests that freeze, fill or kill a Redis need one of their own: an instance given by TEST_REDIS_URL is not theirs. */
const OWN_REDIS =
  'tests/integration/(redis-change-group|redis-tops|redis-watched-streams|gateway-subscribe-nodes|metrics|replica-http)';
const hasRedisServer = spawnSync('redis-server', ['--version'], { stdio: 'ignore' }).status === 0;
const leftOut = process.env.TEST_REDIS_URL && !hasRedisServer ? [OWN_REDIS] : [];
if (leftOut.length > 0) process.stdout.write(`TEST_REDIS_URL without redis-server on PATH: left out ${OWN_REDIS}\n`);

/** These kill processes for minutes: `npm run test:chaos`. */
const chaos = process.env.CHAOS ? [] : ['<rootDir>/tests/chaos/'];
/** These start whole deployments, or wait out outages: `npm run test:system`. */
const system = ['<rootDir>/tests/system/'];
/** These need Chromium, and time: `npm run test:browser`. */
const browser = ['<rootDir>/tests/browser/'];
/** These need servers of others, and minutes: `npm run test:peers`. */
const peers = ['<rootDir>/tests/peers/'];

/** Real ES modules through SWC; each test file runs in its own worker process. */
export default {
  testEnvironment: 'node',
  testMatch: ['<rootDir>/tests/**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/', '/dist/', ...chaos, ...system, ...browser, ...peers, ...leftOut],
  modulePathIgnorePatterns: ['<rootDir>/dist/'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      { jsc: { target: 'es2022', parser: { syntax: 'typescript' } }, module: { type: 'es6' } },
    ],
  },
  moduleNameMapper: bundledPackages,
  globalSetup: '<rootDir>/tests/support/global-setup.ts',
  testTimeout: 30_000,
  testSequencer: '<rootDir>/tests/tools/test-order.mjs',
  // On two cores, as many tests mostly wait.
  maxWorkers: 3,
};
