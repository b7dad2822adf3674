/** What a build reads. */
export const SOURCES = [
  'presence-core',
  'gateway',
  'bench',
  'tests/support',
  'tests/tools/build.mjs',
  'tests/tools/sources.mjs',
  'tests/tools/build-client.mjs',
  'tests/tools/build-dashboard.mjs',
  'tests/tools/source-map.mjs',
  'tsconfig.json',
  'tsconfig.build.json',
  'tsconfig.client.json',
  'tsconfig.dashboard.json',
  'package.json',
  'LICENSE',
];
