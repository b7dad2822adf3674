/**
 * Makes one file of each package of many, when they are missing or were made of other versions. Jest loads all modules
 * anew for every test file, and each file costs: the packages of a gateway are 1,300 files.
 * The code is the installed one, unchanged; what runs in a process of its own, as `npm start`, has it from node_modules.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleOf, COMMON, MODULES, OUT, ROOT } from './bundled-packages.mjs';

/** Holds the hash of what the bundles were made of. */
const STAMP = join(OUT, '.sources');

function hashOfSources() {
  const tools = ['bundle-packages.mjs', 'bundled-packages.mjs'].map((name) => new URL(name, import.meta.url));
  const hash = createHash('sha256');
  for (const file of [join(ROOT, 'package-lock.json'), ...tools.map(fileURLToPath)]) hash.update(readFileSync(file));
  return hash.digest('hex');
}

async function bundle() {
  const { build } = await import('esbuild');
  const entries = (names) => names.map((name) => ({ in: name, out: bundleOf(name) }));
  const shared = { bundle: true, platform: 'node', target: 'node20', outdir: OUT, absWorkingDir: ROOT };
  // Entries of one package share what they have in common.
  const modules = { entryPoints: entries(MODULES), format: 'esm', splitting: true, outExtension: { '.js': '.mjs' } };
  const common = { entryPoints: entries(COMMON), format: 'cjs', outExtension: { '.js': '.cjs' } };
  await Promise.all([build({ ...shared, ...modules }), build({ ...shared, ...common })]);
}

const sources = hashOfSources();
if (!existsSync(STAMP) || readFileSync(STAMP, 'utf8') !== sources) {
  rmSync(OUT, { recursive: true, force: true });
  await bundle();
  writeFileSync(STAMP, sources);
}
