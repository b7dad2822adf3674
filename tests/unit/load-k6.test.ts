/** The k6 script is run in no test, as k6 is not installed here: that it is valid, and exports what it names, is checked. */
import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { build } from 'esbuild';

const FILE = 'bench/load/k6.js';

test('the k6 script parses, and exports the functions of its scenarios', async () => {
  const external = ['k6', 'k6/*'];
  const { metafile, warnings } = await build({
    entryPoints: [FILE],
    bundle: true,
    format: 'esm',
    write: false,
    metafile: true,
    external,
    logLevel: 'silent',
  });
  const { exports = [], imports = [] } = Object.values(metafile.outputs)[0] ?? {};
  expect(warnings).toEqual([]);
  // Nothing but what k6 itself brings.
  expect(imports.filter(({ path }) => !/^k6(\/|$)/.test(path))).toEqual([]);
  const named = [...readFileSync(FILE, 'utf8').matchAll(/exec: '(\w+)'/g)].map(([, name]) => name);
  expect(named).toEqual(['player', 'status']);
  expect(exports.sort()).toEqual(['options', 'player', 'status']);
});
