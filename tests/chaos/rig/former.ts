/** The gateway as it was: built once of a former commit, beside the modules that are installed today. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** Until there is a release: the last whose node leases are in each shard (P9), where what stands in Redis changed last. */
const COMMIT = process.env.CHAOS_FORMER ?? '9ed78fcc2aa42cef05b0ef63ef308d3e8354e01f';
const CACHE = resolve('node_modules/.cache/presence-former');
const MAIN = 'dist/gateway/main.js';

/** @returns why there is none to build: without its history a copy of the project has one version only. */
export function noFormer(): string | undefined {
  const found = spawnSync('git', ['cat-file', '-e', `${COMMIT}^{commit}`], { stdio: 'ignore' });
  return found.status === 0
    ? undefined
    : `commit ${COMMIT} is not in this copy's history (a shallow clone, or no clone)`;
}

/** @returns the script to start. */
export function formerMain(): string {
  const folder = join(CACHE, COMMIT);
  const main = join(folder, MAIN);
  if (existsSync(main)) return main;
  const building = `${folder}.${process.pid}`;
  mkdirSync(building, { recursive: true });
  try {
    const archive = execFileSync('git', ['archive', COMMIT], { maxBuffer: 1e9 });
    execFileSync('tar', ['x', '-C', building], { input: archive });
    symlinkSync(resolve('node_modules'), join(building, 'node_modules'));
    execFileSync('npm', ['run', '--silent', 'build'], { cwd: building, stdio: ['ignore', 'ignore', 'inherit'] });
    renameSync(building, folder);
  } finally {
    rmSync(building, { recursive: true, force: true });
  }
  return main;
}
