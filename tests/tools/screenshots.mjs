/**
 * `npm run screenshots [-- http://127.0.0.1:8081 paul-1]`: pictures of the dashboard of a running demo (`npm run demo`), for
 * the README, in gateway/dashboard/pictures/.
 */
import { mkdirSync } from 'node:fs';
import { chromium } from 'playwright-core';

const [origin = 'http://127.0.0.1:8081', user = 'paul-1'] = process.argv.slice(2);
const OUT = 'gateway/dashboard/pictures';
/** So long the lines of the last minutes grow. */
const SETTLE_MS = 20_000;
const PICTURES = [
  ['now', '#/now', 1440, 'light', SETTLE_MS],
  ['now-dark', '#/now', 1440, 'dark', SETTLE_MS],
  ['person', `#/person?user=${encodeURIComponent(user)}`, 1440, 'light', 3_000],
  ['nodes', '#/nodes', 1440, 'light', 3_000],
  ['live', '#/live', 1440, 'dark', 8_000],
  ['now-phone', '#/now', 360, 'light', SETTLE_MS],
  ['person-phone', `#/person?user=${encodeURIComponent(user)}`, 360, 'dark', 3_000],
];

mkdirSync(OUT, { recursive: true });
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'] });
await Promise.all(
  PICTURES.map(async ([name, view, width, colorScheme, waitMs]) => {
    const height = width > 400 ? 800 : 720;
    const page = await browser.newPage({ viewport: { width, height }, colorScheme });
    await page.goto(`${origin}/${view}`);
    await page.locator('main .card').first().waitFor();
    await page.waitForTimeout(waitMs);
    await page.screenshot({ path: `${OUT}/${name}.png` });
  }),
);
await browser.close();
