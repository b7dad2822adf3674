/** The version in package.json. */
import { existsSync, readFileSync } from 'node:fs';

/** package.json lies above this file both as written and as built. */
function readVersion(): string {
  let folder = new URL('.', import.meta.url);
  while (!existsSync(new URL('package.json', folder)) && folder.pathname !== '/') folder = new URL('..', folder);
  return (JSON.parse(readFileSync(new URL('package.json', folder), 'utf8')) as { version: string }).version;
}

/** Of this package. */
export const VERSION = readVersion();
