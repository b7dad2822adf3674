/** Finds `redis-server`, or installs it where that is possible, or says what to do. */
import { spawnSync } from 'node:child_process';

function onPath(): boolean {
  return spawnSync('redis-server', ['--version'], { stdio: 'ignore' }).status === 0;
}

function install(): void {
  const apt = (...args: string[]): boolean => spawnSync('apt-get', args, { stdio: 'ignore' }).status === 0;
  process.stdout.write('redis-server is not on PATH: installing it with apt-get\n');
  if (apt('install', '-y', '-qq', '--no-install-recommends', 'redis-server')) return;
  apt('update', '-qq');
  apt('install', '-y', '-qq', '--no-install-recommends', 'redis-server');
}

export function requireRedisServer(): void {
  if (onPath()) return;
  if (process.getuid?.() === 0 && spawnSync('apt-get', ['--version'], { stdio: 'ignore' }).status === 0) install();
  if (onPath()) return;
  throw new Error(
    'The tests need Redis 7: put redis-server on PATH (Debian: sudo apt-get install redis-server), ' +
      'or set TEST_REDIS_URL=redis://127.0.0.1:6379 to an instance that the tests may fill.',
  );
}
