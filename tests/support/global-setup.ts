/** Once before all tests: is there what they need, and is dist/ built of these sources? */
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

/** What Jest tells of this run. */
interface RunOptions {
  readonly testPathPatterns: { readonly patterns: readonly string[] };
}

function runTool(name: string, ...args: string[]): boolean {
  const script = fileURLToPath(new URL(`../tools/${name}`, import.meta.url));
  return spawnSync(process.execPath, [script, ...args], { stdio: 'inherit' }).status === 0;
}

/** @returns why not, when better-sqlite3 does not load: an optional package, which npm leaves out where it fails. */
function sqliteFault(): string | undefined {
  try {
    const Database = createRequire(import.meta.url)('better-sqlite3') as new (file: string) => { close(): void };
    new Database(':memory:').close();
    return undefined;
  } catch (error) {
    return (error as Error).message.split('\n', 1)[0];
  }
}

// biome-ignore lint/style/noDefaultExport: Jest looks for a default export here.
export default function globalSetup({ testPathPatterns }: RunOptions): void {
  const fault = sqliteFault();
  if (fault !== undefined)
    process.stderr.write(`better-sqlite3 does not load; run npm run setup && npm ci: ${fault}\n`);
  const isReady = runTool('setup.mjs', '--check') && fault === undefined;
  // Whoever names the tests to run may need less than all of them do.
  if (!isReady && testPathPatterns.patterns.length === 0) throw new Error('Not all that the tests need is there.');
  // The command sets it in its own process; Jest keeps what tests set from native code.
  process.env.UWS_HTTP_MAX_HEADERS_SIZE = '32768';
  if (!runTool('build.mjs', '--if-stale')) throw new Error('The build failed.');
  if (!runTool('bundle-packages.mjs')) throw new Error('The packages could not be bundled.');
}
