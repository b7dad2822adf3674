/**
 * The dashboard as three files in dist/gateway/dashboard-page/: its page and style as they are written, its script as one
 * module with Preact in it. The SDK is not in it: the page loads the one that the sidecar serves.
 */
import { cpSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';

const SOURCE = 'gateway/dashboard';
const OUT = 'dist/gateway/dashboard-page';

const SERVED_SDK = {
  name: 'served-sdk',
  setup({ onResolve }) {
    onResolve({ filter: /\/client\/index\.ts$/ }, () => ({ path: '/client.js', external: true }));
  },
};

export async function buildDashboard() {
  rmSync(OUT, { recursive: true, force: true });
  mkdirSync(OUT, { recursive: true });
  await build({
    entryPoints: [join(SOURCE, 'page.tsx')],
    outfile: join(OUT, 'page.js'),
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    legalComments: 'none',
    plugins: [SERVED_SDK],
  });
  for (const name of ['index.html', 'page.css']) cpSync(join(SOURCE, name), join(OUT, name));
}
