/**
 * Shows that survival runs bite: builds the product with one small fault at a time (tests/chaos/mutations.json) in a
 * folder of its own, and runs the scenario that must turn red by the named invariant. `npm run test:chaos:mutations`;
 * `-- I6 I7`: only those of these invariants.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { SOURCES } from './sources.mjs';

const SEED = '7';

const wanted = process.argv.slice(2);
const all = JSON.parse(readFileSync('tests/chaos/mutations.json', 'utf8'));
const mutations = all.filter(({ invariant }) => wanted.length === 0 || wanted.includes(invariant));
const folder = mkdtempSync(join(tmpdir(), 'presence-mutations-'));
const survivors = [];

function build() {
  return spawnSync(process.execPath, ['tests/tools/build.mjs'], { cwd: folder, encoding: 'utf8' });
}

/** @returns what the run said. */
function runScenario(scenario) {
  const env = { ...process.env, CHAOS_MAIN: join(folder, 'dist/gateway/main.js') };
  const args = ['tests/tools/chaos.mjs', scenario, '--seed', SEED];
  const { stdout, stderr } = spawnSync(process.execPath, args, { env, encoding: 'utf8' });
  return stdout + stderr;
}

try {
  for (const source of SOURCES) cpSync(source, join(folder, source), { recursive: true });
  symlinkSync(resolve('node_modules'), join(folder, 'node_modules'));
  for (const { name, invariant, says = '', scenario, file, find, replace } of mutations) {
    const path = join(folder, file);
    const source = readFileSync(path, 'utf8');
    if (source.split(find).length !== 2) throw new Error(`${name}: ${file} does not have its place exactly once`);
    writeFileSync(
      path,
      source.replace(find, () => replace),
    );
    const { status, stdout, stderr } = build();
    if (status !== 0) throw new Error(`${name} does not compile:\n${stdout}${stderr}`);
    const lines = runScenario(scenario).split('\n');
    const isRed = lines.some((line) => line.includes(`${invariant}: `) && line.includes(says));
    process.stdout.write(`${isRed ? 'red  ' : 'GREEN'} ${invariant} ${scenario}: ${name}\n`);
    if (!isRed) survivors.push(name);
    writeFileSync(path, source);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.exitCode = survivors.length > 0 ? 1 : 0;
