/**
 * `npm run screenshots [-- http://127.0.0.1:8081 paul-1]`: pictures of the dashboard of a running demo (`npm run demo`), which
 * README.md and gateway/README.md show, in gateway/dashboard/pictures/.
 */
import { mkdirSync } from 'node:fs';
import { chromium } from 'playwright-core';

const [origin = 'http://127.0.0.1:8081', user = 'paul-1'] = process.argv.slice(2);
const OUT = 'gateway/dashboard/pictures';
/** So long the lines of the last minutes grow. */
const SETTLE_MS = 20_000;
const PICTURES = [
  ['now', '#/now', 1440, 850, 'light', SETTLE_MS],
  ['now-dark', '#/now', 1440, 850, 'dark', SETTLE_MS],
  ['person', `#/person?user=${encodeURIComponent(user)}`, 1440, 930, 'light', 3_000],
  ['nodes', '#/nodes', 1440, 430, 'light', 3_000],
  ['live', '#/live', 1440, 800, 'dark', 8_000],
  ['now-phone', '#/now', 360, 720, 'light', SETTLE_MS],
  ['person-phone', `#/person?user=${encodeURIComponent(user)}`, 360, 720, 'dark', 3_000],
];

mkdirSync(OUT, { recursive: true });
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'] });
await Promise.all(
  PICTURES.map(async ([name, view, width, height, colorScheme, waitMs]) => {
    const page = await browser.newPage({ viewport: { width, height }, colorScheme });
    await page.goto(`${origin}/${view}`);
    await page.locator('main .card').first().waitFor();
    await page.waitForTimeout(waitMs);
    await page.screenshot({ path: `${OUT}/${name}.png` });
  }),
);
await browser.close();
