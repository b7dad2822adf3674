/** Runs the built bench as its users do, with results in a folder of the test's own. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readResult, type ScenarioResult } from '../../bench/results.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

export interface BenchRun {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** What it kept of the scenario; undefined: nothing. */
  readonly result: ScenarioResult | undefined;
}

/** @param args the first one is the scenario. */
export async function runBench(...args: readonly string[]): Promise<BenchRun> {
  const out = mkdtempSync(join(tmpdir(), 'bench-run-'));
  try {
    const child = spawn(process.execPath, ['dist/bench/run.js', ...args, '--out', out], { cwd: ROOT });
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (data) => {
      stdout += data;
    });
    child.stderr.on('data', (data) => {
      stderr += data;
    });
    const [code] = (await once(child, 'close')) as [number];
    return { code, stdout, stderr, result: readResult(out, args[0] ?? '') };
  } finally {
    rmSync(out, { recursive: true });
  }
}
