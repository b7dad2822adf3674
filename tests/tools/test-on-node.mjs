/**
 * `npm run test:node -- 22 24`: the unit and contract tests on other versions of Node. Each gets a copy of the checkout
 * with packages of its own, as native addons are built for one version. Node itself, with the headers that addons are
 * compiled against, comes from the npm package of this platform.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const SUITES = ['tests/unit', 'tests/contract'];

const versions = process.argv.slice(2);
if (versions.length === 0 || !versions.every((version) => /^\d+(\.\d+){0,2}$/.test(version))) {
  console.error('Usage: npm run test:node -- VERSION [VERSION …], for example 22 24');
  process.exit(2);
}

function run(command, args, cwd, env = process.env) {
  const { status, error } = spawnSync(command, args, { cwd, env, stdio: 'inherit' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed${error ? `: ${error.message}` : ''}`);
}

/** All files but those that git ignores. */
function copyCheckout(to) {
  const { stdout } = spawnSync('git', ['ls-files', '-z', '-co', '--exclude-standard'], { cwd: ROOT, encoding: 'utf8' });
  for (const file of stdout.split('\0').filter(Boolean)) {
    mkdirSync(dirname(join(to, file)), { recursive: true });
    cpSync(join(ROOT, file), join(to, file));
  }
}

function testOn(version) {
  const folder = mkdtempSync(join(realpathSync(tmpdir()), `presence-node-${version}-`));
  try {
    const [runtime, checkout] = [join(folder, 'runtime'), join(folder, 'checkout')];
    for (const made of [runtime, checkout]) mkdirSync(made);
    const binary = `node-${process.platform}-${process.arch}`;
    run('npm', ['install', '--silent', '--no-save', '--prefix', runtime, `${binary}@${version}`], runtime);
    const node = join(runtime, 'node_modules', binary);
    copyCheckout(checkout);
    const PATH = [join(node, 'bin'), process.env.PATH].join(delimiter);
    const env = { ...process.env, PATH, npm_config_nodedir: node };
    run('node', ['--version'], checkout, env);
    run('npm', ['ci', '--silent'], checkout, env);
    run('npm', ['test', '--', ...SUITES], checkout, env);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

for (const version of versions) testOn(version);
