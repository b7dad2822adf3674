/** Packages of many files, which tests load from one file each: see `bundle-packages.mjs`, which makes them. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
export const OUT = join(ROOT, 'dist/tests/packages');
/** By the name that is imported: ES modules in up to hundreds of files. */
export const MODULES = ['typebox', 'typebox/compile', 'kysely', 'jose'];
/** CommonJS in tens of files. */
export const COMMON = ['ioredis', 'mysql2', 'mysql2/promise', 'prom-client'];

/** The name of its bundle, without extension. */
export const bundleOf = (name) => name.replaceAll('/', '-');

/** For `moduleNameMapper` of Jest. */
export const bundledPackages = Object.fromEntries([
  ...MODULES.map((name) => [`^${name}$`, join(OUT, `${bundleOf(name)}.mjs`)]),
  ...COMMON.map((name) => [`^${name}$`, join(OUT, `${bundleOf(name)}.cjs`)]),
]);
