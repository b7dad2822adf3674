/**
 * `npm run setup`: what the tests need and npm does not bring. As root where apt-get is, it installs what is missing,
 * elsewhere it says what to install. It imports nothing, to run before `npm ci`: without a compiler that would leave
 * out better-sqlite3 and say little. With `--check` it only looks for what running tests need. Exits 1 when something
 * is missing.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

const isCheck = process.argv.includes('--check');
const runs = (command, ...args) => spawnSync(command, args, { stdio: 'ignore' }).status === 0;

/** By Debian package. Chromium and the Python of websockets are Debian's own, whatever else is on PATH. */
const FOR_TESTS = {
  'redis-server': ['the Redis store (Redis 7.0 or newer)', () => runs('redis-server', '--version')],
  'mariadb-server': ['history in MariaDB', () => runs('mariadbd', '--version')],
  openssl: ['certificates for history over TLS', () => runs('openssl', 'version')],
  chromium: ['a browser as a client', () => existsSync('/usr/bin/chromium')],
  haproxy: ['a load balancer before two gateways', () => runs('haproxy', '-v')],
  nginx: ['another one', () => runs('nginx', '-v')],
  'python3-websockets': ['a client in Python', () => runs('/usr/bin/python3', '-c', 'import websockets')],
};
const TO_COMPILE = {
  python3: ['compiling better-sqlite3', () => runs('python3', '--version')],
  make: ['compiling better-sqlite3', () => runs('make', '--version')],
  'g++': ['compiling better-sqlite3, and the clock of survival runs', () => runs('c++', '--version')],
};
const NEEDED = Object.entries(isCheck ? FOR_TESTS : { ...FOR_TESTS, ...TO_COMPILE });

/** Who gives a Redis by TEST_REDIS_URL needs no other. */
const isGiven = (name) => name === 'redis-server' && Boolean(process.env.TEST_REDIS_URL);
const missingOnes = () => NEEDED.filter(([name, [, isThere]]) => !isGiven(name) && !isThere());

function install(packages) {
  console.log(`Installing ${packages.join(', ')} with apt-get`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  // Another apt-get may be running.
  const apt = (...args) =>
    spawnSync('apt-get', ['-qq', '-o', 'DPkg::Lock::Timeout=300', ...args], { stdio: 'inherit', env });
  apt('update');
  apt('install', '-y', '--no-install-recommends', ...packages);
}

const canInstall = process.getuid?.() === 0 && runs('apt-get', '--version');
let missing = missingOnes();
if (missing.length > 0 && canInstall && !isCheck) {
  install(missing.map(([name]) => name));
  missing = missingOnes();
}
if (missing.length > 0) {
  const rows = missing.map(([name, [purpose]]) => `  ${name.padEnd(20)}${purpose}`);
  const packages = missing.map(([name]) => name).join(' ');
  const how = canInstall ? 'Run: npm run setup' : `On Debian, run: sudo apt-get install ${packages}`;
  console.error(`These programs are missing for the tests:\n${rows.join('\n')}\n${how}`);
  process.exitCode = 1;
} else if (!isCheck) {
  console.log('All programs that the tests need are installed.');
}
