/** `npm run bench:pages`: writes what is made of saved results; with `--check` only says what is not up to date. */
import { stalePages, writePages } from './pages.ts';

if (process.argv.includes('--check')) {
  const stale = stalePages();
  if (stale.length > 0)
    process.stderr.write(`not what the saved results say, run npm run bench:pages: ${stale.join(', ')}\n`);
  else process.stdout.write('pages of the bench are what the saved results say\n');
  process.exitCode = stale.length > 0 ? 1 : 0;
} else {
  writePages();
}
