/** Programs that tests need and npm does not have: found, or installed where that is possible. */
import { spawnSync } from 'node:child_process';

const apt = (...args: string[]): boolean => spawnSync('apt-get', args, { stdio: 'ignore' }).status === 0;

/**
 * Installs a Debian package unless what it brings is there.
 * @returns whether it is there then: not so without root or without apt-get.
 */
export function ensureDebianPackage(name: string, isThere: () => boolean): boolean {
  if (isThere()) return true;
  if (process.getuid?.() !== 0 || !apt('--version')) return false;
  process.stdout.write(`${name} is missing: installing it with apt-get\n`);
  // Another test file may be installing something of its own.
  const waiting = ['-o', 'DPkg::Lock::Timeout=300'];
  const install = (): boolean => apt(...waiting, 'install', '-y', '-qq', '--no-install-recommends', name);
  // The lists of packages may be missing, or too old.
  if (!install()) {
    apt('update', '-qq');
    install();
  }
  return isThere();
}

/** Whether a command runs and succeeds. */
export function runs(command: string, ...args: string[]): boolean {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0;
}
