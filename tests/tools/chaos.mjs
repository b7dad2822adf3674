/**
 * Survival runs: `npm run test:chaos` (all), `-- --short` (one short round), `-- <scenario> --seed N --kills N`; and
 * `npm run soak -- --minutes N --seed N` (faults at random on one rig, `chaos.mjs soak`). With `--results <file>` each run
 * adds a line to it, and what is in it is not run again; with `--keep` what was seen is kept of runs that held, too. The
 * arguments become the environment of Jest.
 */
import { spawn } from 'node:child_process';
import { parseArgs } from 'node:util';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seed: { type: 'string' },
    short: { type: 'boolean' },
    kills: { type: 'string' },
    minutes: { type: 'string' },
    results: { type: 'string' },
    keep: { type: 'boolean' },
  },
});
const [scenario, ...others] = positionals;
if (others.length > 0) {
  process.stderr.write('One scenario at a time.\n');
  process.exit(2);
}
const env = {
  ...process.env,
  CHAOS: '1',
  ...(values.keep && { CHAOS_KEEP: '1' }),
  ...(values.results && { CHAOS_RESULTS: values.results }),
  ...(values.minutes && { SOAK_MINUTES: values.minutes }),
  ...(scenario && { CHAOS_SCENARIO: scenario }),
  ...(values.seed && { CHAOS_SEED: values.seed }),
  ...(values.short && { CHAOS_SHORT: '1' }),
  ...(values.kills && { CHAOS_KILLS: values.kills }),
};
const jest = ['--experimental-vm-modules', '--no-warnings', 'node_modules/jest/bin/jest.js', '--runInBand'];
const isSoak = scenario === 'soak';
const only = isSoak ? ['soak'] : scenario || values.results ? ['survival'] : ['survival', 'history-kills'];
const files = only.map((name) => `tests/chaos/${name}`);
const child = spawn(process.execPath, [...jest, ...files], { env, stdio: 'inherit' });
child.once('exit', (code) => process.exit(code ?? 1));
