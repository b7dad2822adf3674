// What a page pays for the SDK: bundled, minified, gzipped. Fails above the limit.
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

const LIMIT_BYTES = 8_192;

const { outputFiles } = await build({
  entryPoints: ['gateway/client/index.ts'],
  bundle: true,
  minify: true,
  format: 'esm',
  platform: 'browser',
  target: 'es2022',
  write: false,
});
const { contents } = outputFiles[0];
const bytes = gzipSync(contents, { level: 9 }).length;
console.log(`SDK: ${contents.length} bytes minified, ${bytes} gzipped (limit ${LIMIT_BYTES})`);
if (bytes > LIMIT_BYTES) process.exitCode = 1;
