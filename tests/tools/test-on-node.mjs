/**
 * `npm run test:node -- 22 [paths of tests]`: runs tests under another version of Node, by default the unit and contract
 * tests. Native addons are built for one version, so it happens in a copy of the checkout with packages of its own. The
 * packages node-<platform>-<arch> on npm hold the binary and the headers that addons are compiled against.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const [version, ...paths] = process.argv.slice(2);
if (!/^\d+(\.\d+){0,2}$/.test(version ?? '')) {
  console.error('Usage: npm run test:node -- <version of Node, such as 22> [paths of tests]');
  process.exit(2);
}

const folder = mkdtempSync(join(tmpdir(), `presence-node-${version}-`));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
// A signal ends the process without its exit handlers; npm and the terminal also send it to what runs here.
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(128 + constants.signals[signal]));

/** Ends this process where the command fails. */
function run(command, args, cwd, env = process.env) {
  const { status, error } = spawnSync(command, args, { cwd, env, stdio: 'inherit' });
  if (error) throw error;
  if (status !== 0) process.exit(status ?? 1);
}

const suffix = `${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`;
const nodePackage = suffix === 'darwin-arm64' ? `node-bin-${suffix}` : `node-${suffix}`;
run('npm', ['install', '--no-save', '--no-package-lock', '--prefix', folder, `${nodePackage}@${version}`], folder);
const home = join(folder, 'node_modules', nodePackage);

const checkout = join(folder, 'checkout');
const listed = spawnSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { cwd: ROOT });
if (listed.status !== 0) throw new Error(`git ls-files: ${listed.stderr}`);
for (const file of String(listed.stdout).split('\0').filter(Boolean)) {
  if (existsSync(join(ROOT, file))) cpSync(join(ROOT, file), join(checkout, file), { recursive: true });
}

const env = {
  ...process.env,
  PATH: `${join(home, 'bin')}${delimiter}${process.env.PATH}`,
  npm_config_nodedir: home,
};
run('node', ['-p', '"Node " + process.version'], checkout, env);
run('npm', ['ci', '--no-audit', '--no-fund'], checkout, env);
/** Tests that need uWebSockets.js, left out aloud where its binary for this Node wants a newer libc than is here. */
function leftOut() {
  const { stderr } = spawnSync('node', ['-e', "require('uWebSockets.js')"], { cwd: checkout, env, encoding: 'utf8' });
  const needed = /GLIBC_[\d.]+/.exec(stderr)?.[0];
  if (needed === undefined) return [];
  console.log(`Without the tests of uWebSockets.js: its binary for this Node needs ${needed}, newer than the one here`);
  return ['--testPathIgnorePatterns', '/node_modules/', '/uws\\.test', '/transport/select\\.test', '--'];
}

const chosen = paths.length > 0 ? paths : ['tests/unit', 'tests/contract'];
run('npm', ['test', '--', ...leftOut(), ...chosen], checkout, env);
