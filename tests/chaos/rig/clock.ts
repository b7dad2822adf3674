/** A wall clock for processes of a run, which is set while they run: it may be wrong and step. */
import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const SOURCE = fileURLToPath(new URL('clock.c', import.meta.url));
const BYTES = 8;

export class Clock {
  /** Of a process that is to run by it. */
  readonly env: Readonly<Record<string, string>>;
  private readonly file: number;

  /** Compiled where it is not yet. @param folder for its files, which are removed with it. */
  constructor(folder: string, name: string) {
    const library = join(folder, 'clock.so');
    if (!existsSync(library)) compile(library);
    const path = join(folder, `${name}.clock`);
    this.file = openSync(path, 'w');
    this.env = { LD_PRELOAD: library, PRESENCE_CLOCK: path };
    this.set(0);
  }

  /** From now on it is so far ahead of this machine's, or behind. */
  set(aheadMs: number): void {
    const bytes = Buffer.alloc(BYTES);
    bytes.writeBigInt64LE(BigInt(aheadMs));
    writeSync(this.file, bytes, 0, BYTES, 0);
  }

  close(): void {
    closeSync(this.file);
  }
}

function compile(library: string): void {
  const args = ['-shared', '-fPIC', '-O2', '-Wall', '-o', library, SOURCE];
  const { status, stderr } = spawnSync('cc', args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`clock.c does not compile (npm run setup installs a compiler): ${stderr ?? ''}`);
}
