/** Packages as npm packs them, in projects that have nothing else. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';

const ROOT = process.cwd();
/** The client's package, as it was built. */
export const CLIENT = join(ROOT, 'dist/gateway/client-package');

export interface Packed {
  readonly filename: string;
  readonly size: number;
  readonly files: readonly { readonly path: string }[];
}

/** @param folder where its tarball is put. */
export function pack(source: string, folder: string): Packed {
  const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', folder];
  const [packed] = JSON.parse(execFileSync('npm', args, { cwd: source, encoding: 'utf8' })) as [Packed];
  return packed;
}

/** Unpacked where npm would put it. @returns where that is. */
export function install(project: string, tarball: string, name: string): string {
  const at = join(project, 'node_modules', name);
  mkdirSync(at, { recursive: true });
  execFileSync('tar', ['xzf', tarball, '-C', at, '--strip-components=1']);
  return at;
}

/** Packages that this checkout has. */
export function link(project: string, ...names: readonly string[]): void {
  for (const name of names) {
    const at = join(project, 'node_modules', name);
    mkdirSync(dirname(at), { recursive: true });
    if (!existsSync(at)) symlinkSync(join(ROOT, 'node_modules', name), at);
  }
}
