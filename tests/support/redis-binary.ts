/** Finds `redis-server`, or installs it where that is possible, or says what to do. */
import { ensureDebianPackage, runs } from './debian-package.ts';

export function requireRedisServer(): void {
  if (ensureDebianPackage('redis-server', () => runs('redis-server', '--version'))) return;
  throw new Error(
    'The tests need Redis 7: put redis-server on PATH (Debian: sudo apt-get install redis-server), ' +
      'or set TEST_REDIS_URL=redis://127.0.0.1:6379 to an instance that the tests may fill.',
  );
}
