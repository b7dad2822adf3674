// What a page pays for the SDK: bundled, minified, gzipped, in the syntax of ES2019. Fails above a limit.
import { sizes } from './build-client.mjs';

for (const { what, bytes, limit } of await sizes()) {
  console.log(`SDK, ${what}: ${bytes} bytes gzipped (limit ${limit})`);
  if (bytes > limit) process.exitCode = 1;
}
