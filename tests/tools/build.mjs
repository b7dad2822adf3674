/**
 * `npm run build`: compiles the sources into dist/. With `--if-stale` only when dist/ was built from other sources: so
 * `npm start` needs no compiler where what it runs is there already, as in a production image.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SOURCES } from './sources.mjs';

/** tsc emits only what comes of TypeScript; these are read at run time from beside their loader. */
const ASSETS = ['presence-core/redis/lua', 'gateway/http/docs/assets', 'gateway/demo'];
/** Holds the hash of the sources that dist/ was built from. Times of files would not survive a copy or a checkout. */
const STAMP = 'dist/.sources';
const TSC = 'node_modules/typescript/bin/tsc';

process.chdir(fileURLToPath(new URL('../..', import.meta.url)));

/** Results, their page, and what is installed for the bench alone are no sources. */
const NOT_SOURCES = ['bench/results', 'bench/README.md', 'bench/peers/node_modules'];

function filesOf(path) {
  if (NOT_SOURCES.includes(path)) return [];
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path).flatMap((name) => filesOf(join(path, name)));
}

function hashOfSources() {
  const hash = createHash('sha256');
  for (const file of SOURCES.flatMap(filesOf).sort()) hash.update(`${file}\0`).update(readFileSync(file)).update('\0');
  return hash.digest('hex');
}

async function build(sources) {
  if (!existsSync(TSC)) {
    console.error('dist/ is missing or was built from other sources, and TypeScript is not installed: run npm ci');
    return 1;
  }
  rmSync(STAMP, { force: true });
  const { status } = spawnSync(process.execPath, [TSC, '-p', 'tsconfig.build.json'], { stdio: 'inherit' });
  if (status !== 0) return status ?? 1;
  const { buildClient } = await import('./build-client.mjs');
  await buildClient();
  const { buildDashboard } = await import('./build-dashboard.mjs');
  await buildDashboard();
  for (const folder of ASSETS) cpSync(folder, join('dist', folder), { recursive: true });
  writeFileSync(STAMP, sources);
  return 0;
}

const sources = hashOfSources();
const isFresh = existsSync(STAMP) && readFileSync(STAMP, 'utf8') === sources;
if (!process.argv.includes('--if-stale') || !isFresh) process.exitCode = await build(sources);
