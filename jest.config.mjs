import { spawnSync } from 'node:child_process';

/** Tests that freeze, fill or kill a Redis need one of their own: an instance given by TEST_REDIS_URL is not theirs. */
const OWN_REDIS =
  'tests/integration/(redis-faults|redis-change-group|gateway-outage|gateway-subscribe-nodes|metrics|replica)';
const hasRedisServer = spawnSync('redis-server', ['--version'], { stdio: 'ignore' }).status === 0;
/** Tests of uWebSockets.js. `npm run test:node` leaves them out where its binary does not load under that Node. */
const OF_UWS = 'tests/contract/(.*/uws|transport/select)';
const leftOut = [
  ...(process.env.TEST_REDIS_URL && !hasRedisServer
    ? [[OWN_REDIS, 'TEST_REDIS_URL without redis-server on PATH']]
    : []),
  ...(process.env.WITHOUT_UWS ? [[OF_UWS, 'WITHOUT_UWS']] : []),
];
for (const [paths, why] of leftOut) process.stdout.write(`${why}: left out ${paths}\n`);

/** These kill processes for minutes: `npm run test:chaos`. */
const chaos = process.env.CHAOS ? [] : ['<rootDir>/tests/chaos/'];

/** Real ES modules through SWC; each test file runs in its own worker process. */
export default {
  testEnvironment: 'node',
  testMatch: ['<rootDir>/tests/**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/', '/dist/', ...chaos, ...leftOut.map(([paths]) => paths)],
  modulePathIgnorePatterns: ['<rootDir>/dist/'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      { jsc: { target: 'es2022', parser: { syntax: 'typescript' } }, module: { type: 'es6' } },
    ],
  },
  globalSetup: '<rootDir>/tests/support/global-setup.ts',
  testTimeout: 30_000,
  maxWorkers: 2,
};
