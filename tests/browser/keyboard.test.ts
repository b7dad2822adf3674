/** Dashboard, demo and documentation by the keyboard alone: all is reached by Tab, and the focus is never lost. */
import { expect, test } from '@jest/globals';
import type { Page } from 'playwright-core';
import { dashboardTests, watch } from '../support/dashboard-page.ts';
import { until } from '../support/servers.ts';

const { start, open } = dashboardTests();

const STEPS_MAX = 80;

/** Name of what has the focus, as a screen reader says it. */
const focused = (page: Page): Promise<string> =>
  page.evaluate(() => {
    const element = document.activeElement as HTMLInputElement;
    return (element.ariaLabel || element.labels?.[0]?.textContent || element.textContent || '').trim();
  });

/** Presses Tab until what is named so has the focus, and shows that it has. */
async function tabTo(page: Page, name: string | RegExp, key = 'Tab'): Promise<void> {
  const passed: string[] = [];
  for (let steps = 0; steps < STEPS_MAX; steps++) {
    await page.keyboard.press(key);
    const found = await focused(page);
    passed.push(found.slice(0, 30));
    if (typeof name === 'string' ? found !== name : !name.test(found)) continue;
    const outline = await page.evaluate(() => getComputedStyle(document.activeElement as Element).outlineStyle);
    expect([name, outline]).not.toEqual([name, 'none']);
    return;
  }
  throw new Error(`${name} is not reached, only ${passed.join(', ')}`);
}

const press = (page: Page, key: string) => page.keyboard.press(key);

test('the dashboard: each view, a stream, its viewer, an act with its reason, filters and pause', async () => {
  const server = await start();
  await watch(server, 'ann', 'a');
  await watch(server, 'bob', 'b', 'espn');
  const { page } = await open(server);
  await page.locator('#tops tbody').waitFor();
  await tabTo(page, 'Streams');
  const chosen = () => page.getByRole('tab', { selected: true }).textContent();
  for (const name of ['Devices', 'Countries', 'States', 'Streams']) {
    await press(page, 'ArrowRight');
    await until(async () => (await chosen()) === name);
    expect(await focused(page)).toBe(name);
  }
  await page.locator('#tops').getByRole('link', { name: 'tnt' }).waitFor();
  await tabTo(page, 'tnt');
  await press(page, 'Enter');
  await page.getByRole('region', { name: 'Viewers' }).getByText('ann').waitFor();
  await tabTo(page, 'Viewers');
  await tabTo(page, 'ann');
  await press(page, 'Enter');

  await page.getByRole('button', { name: 'End… tv' }).waitFor();
  await tabTo(page, 'End… tv');
  await press(page, 'Enter');
  const dialog = page.getByRole('dialog');
  await dialog.waitFor();
  expect(await focused(page)).toBe('Reason');
  await press(page, 'Escape');
  await dialog.waitFor({ state: 'detached' });
  expect(await focused(page)).toBe('End… tv');
  await press(page, 'Enter');
  await dialog.waitFor();
  await page.keyboard.type('ticket 12');
  await tabTo(page, 'End session');
  await press(page, 'Enter');
  await page.getByText('No session is live.').waitFor();

  await tabTo(page, 'Nodes', 'Shift+Tab');
  await press(page, 'Enter');
  await page.getByText('Healthy').waitFor();
  await tabTo(page, 'Person');
  await press(page, 'Enter');
  await page.getByText('Enter a user id').waitFor();
  expect(await focused(page)).toBe('User id');
  await page.keyboard.type('bob');
  await press(page, 'Enter');
  await page.getByRole('link', { name: 'espn' }).waitFor();

  await tabTo(page, 'Live feed', 'Shift+Tab');
  await press(page, 'Enter');
  await tabTo(page, /theme$/);
  const theme = await focused(page);
  await press(page, 'Space');
  expect(await focused(page)).not.toBe(theme);
  await tabTo(page, 'Stream');
  await page.keyboard.type('tnt');
  await press(page, 'Enter');
  await page.waitForURL(/stream=tnt/);
  await tabTo(page, 'Pause');
  await press(page, 'Space');
  await until(async () => (await focused(page)).startsWith('Go on'));
});

test('the player demo: refused, chooses, closes a lid, leaves', async () => {
  const server = await start({ DEMO: 'on', MAX_STREAMS: '1' });
  const { page } = await open(server);
  await page.goto(`http://127.0.0.1:${server.httpPort}/demo`);
  await page.getByText('Live', { exact: true }).waitFor();
  await tabTo(page, 'Open a screen');
  await press(page, 'Enter');
  await page.getByText('1 of 1 screens are taken').waitFor();
  await tabTo(page, 'Stop Phone (tnt)');
  await press(page, 'Enter');
  await page.getByText('Another screen took this slot.').waitFor();
  // From where the button was.
  await tabTo(page, 'Close the lid');
  await press(page, 'Space');
  await until(async () => (await focused(page)) === 'Open the lid');
  await press(page, 'Space');
  await page.getByText('Back in the same session').waitFor();
  await tabTo(page, 'Leave');
  await press(page, 'Enter');
  await page.getByText('0 of 1 slots').waitFor();
});

test('the documentation: past the contents at once, and a command is copied', async () => {
  const server = await start();
  const { page } = await open(server);
  await page.goto(`http://127.0.0.1:${server.httpPort}/docs`);
  await page.locator('.copy').first().waitFor();
  await press(page, 'Tab');
  expect(await focused(page)).toBe('To the text');
  await press(page, 'Enter');
  await until(async () => page.evaluate(() => document.activeElement?.id === 'main'));
  await tabTo(page, /^Copy: /);
  await press(page, 'Enter');
  await page.getByText(/^(Copied|Selected)$/).waitFor();
});
