/**
 * The dashboard page in a real browser over a Redis that is full and changes: how soon it shows something, how much it
 * receives, and what it costs the gateway, which is measured with the page open and closed in turn.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Browser, Page } from 'playwright-core';
import { startBrowser } from '../../tests/support/browser.ts';
import { GatewayProcess } from '../gateway-process.ts';
import { progress } from '../progress.ts';
import type { Figure } from '../report.ts';
import { median } from '../rounds.ts';
import { LONG_MS, nodeOf, ScaleBed } from './scale-bed.ts';
import { evenStreams, scaleSession } from './scale-sessions.ts';
import { sizeText } from './size-text.ts';

const STREAMS = 500;
const ROUNDS = 3;
/** Three rounds with the page open are two minutes. */
const ROUND_MS = 40_000;
const SETTLE_MS = 5_000;
/** What comes within it is the page and its first answers; what comes later comes as long as it is open. */
const LOAD_MS = 5_000;
const TEN_MINUTES_MS = 600_000;
const CHANGES_PER_SECOND = 1_000;
const SESSIONS_PER_CHANGE = 200;
const TICK_MS = 20;

const FIRST_PAINT_MS = 1_000;
const TEN_MINUTES_MB = 20;
const GATEWAY_PERCENT = 2;

/** Sessions switch streams at this rate until stopped. @returns how many have, when it is called. */
function churn(bed: ScaleBed, sessions: number, perSecond: number): () => Promise<number> {
  const streamOf = evenStreams(STREAMS);
  const begunAt = performance.now();
  let isOver = false;
  let begun = 0;
  let done = 0;
  const change = async (): Promise<void> => {
    const number = begun % sessions;
    const { userId, sessionId } = scaleSession(number, streamOf);
    const attributes = { streamId: streamOf(number + 1 + Math.floor(begun / sessions)) };
    const owner = { nodeId: nodeOf(number), connection: number };
    begun += 1;
    await bed.storeOf(number).sessions.update({ userId, sessionId, owner, attributes });
    done += 1;
  };
  const run = async (): Promise<void> => {
    while (!isOver) {
      const due = ((performance.now() - begunAt) / 1_000) * perSecond - begun;
      // What a machine that is too slow does not manage is not made up for.
      if (due > perSecond) begun += Math.floor(due - perSecond);
      await Promise.all(Array.from({ length: Math.min(Math.max(0, Math.floor(due)), perSecond) }, change));
      await sleep(TICK_MS);
    }
  };
  const running = run();
  return async () => {
    isOver = true;
    await running;
    return done;
  };
}

interface Opened {
  readonly paintMs: number;
  /** Until the number of users is shown. */
  readonly numbersMs: number;
  readonly loadBytes: number;
  /** After the load. */
  readonly bytesPerMs: number;
}

/** What the browser receives, headers left out: bodies as they are sent, and frames of sockets. */
async function countBytes(page: Page): Promise<() => number> {
  let bytes = 0;
  const session = await page.context().newCDPSession(page);
  session.on('Network.loadingFinished', ({ encodedDataLength }) => {
    bytes += encodedDataLength;
  });
  session.on('Network.webSocketFrameReceived', ({ response }) => {
    bytes += Buffer.byteLength(response.payloadData);
  });
  await session.send('Network.enable');
  return () => bytes;
}

/** Opens the page with an empty cache, and closes it after `forMs`. */
async function openFor(browser: Browser, url: string, forMs: number): Promise<Opened> {
  const context = await browser.newContext({ viewport: { width: 1_440, height: 900 } });
  try {
    const page = await context.newPage();
    const bytes = await countBytes(page);
    const begunAt = performance.now();
    await page.goto(url);
    await page.locator('[data-of="Users online"]', { hasText: /\d/ }).waitFor();
    const numbersMs = performance.now() - begunAt;
    const paintMs = await page.evaluate(
      () => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? Number.NaN,
    );
    await sleep(Math.max(0, LOAD_MS - (performance.now() - begunAt)));
    const [loadBytes, loadedAt] = [bytes(), performance.now()];
    await sleep(Math.max(0, forMs - (performance.now() - begunAt)));
    return { paintMs, numbersMs, loadBytes, bytesPerMs: (bytes() - loadBytes) / (performance.now() - loadedAt) };
  } finally {
    await context.close();
  }
}

/** @param size sessions in the store. */
export async function scalePage(size: number): Promise<Figure[]> {
  const browser = await startBrowser();
  try {
    return await ScaleBed.during(async (bed) => {
      await bed.fill({ count: size, streamOf: evenStreams(STREAMS), leaseMs: LONG_MS });
      const gateway = await GatewayProcess.start({ TRANSPORT: 'uws', REDIS_URL: bed.url });
      const perSecond = Math.max(1, Math.min(CHANGES_PER_SECOND, Math.floor(size / SESSIONS_PER_CHANGE)));
      const changesBegunAt = performance.now();
      const stop = churn(bed, size, perSecond);
      try {
        const url = `http://127.0.0.1:${gateway.httpPort}/`;
        const percentOf = async (work: () => Promise<unknown>): Promise<number> => {
          await sleep(SETTLE_MS);
          const [cpuUs, begunAt] = [gateway.cpuUs(), performance.now()];
          await work();
          return (gateway.cpuUs() - cpuUs) / (performance.now() - begunAt) / 10;
        };
        const [closed, open, pages]: [number[], number[], Opened[]] = [[], [], []];
        for (let round = 1; round <= ROUNDS; round += 1) {
          progress(`round ${round} of ${ROUNDS}: closed`);
          closed.push(await percentOf(() => sleep(ROUND_MS)));
          progress(`round ${round} of ${ROUNDS}: open`);
          open.push(await percentOf(async () => pages.push(await openFor(browser.browser, url, ROUND_MS))));
        }
        const changes = ((await stop()) * 1_000) / (performance.now() - changesBegunAt);
        return figuresOf(size, { closed, open, pages, changes });
      } finally {
        await stop();
        await gateway.stop();
      }
    });
  } finally {
    await browser.close();
  }
}

interface Found {
  readonly closed: readonly number[];
  readonly open: readonly number[];
  readonly pages: readonly Opened[];
  readonly changes: number;
}

function figuresOf(size: number, { closed, open, pages, changes }: Found): Figure[] {
  const of = (what: string): string => `${sizeText(size)}: the page, ${what}`;
  const middle = (pick: (page: Opened) => number): number => median(pages.map(pick));
  const tenMinutes = middle(({ loadBytes, bytesPerMs }) => loadBytes + bytesPerMs * (TEN_MINUTES_MS - LOAD_MS));
  const more = median(open.map((percent, round) => percent - (closed[round] as number)));
  const soon = `≤ ${FIRST_PAINT_MS}`;
  return [
    { what: of('changes meanwhile'), value: changes, unit: '/s' },
    { what: of('first paint'), value: middle(({ paintMs }) => paintMs), unit: 'ms', target: soon },
    { what: of('first numbers'), value: middle(({ numbersMs }) => numbersMs), unit: 'ms', target: soon },
    { what: of('received to load'), value: middle(({ loadBytes }) => loadBytes) / 1_000, unit: 'kB' },
    {
      what: of('received in 10 min (of 2 min)'),
      value: tenMinutes / 1_000_000,
      unit: 'MB',
      target: `≤ ${TEN_MINUTES_MB}`,
    },
    { what: of('gateway CPU closed'), value: median(closed), unit: '% of a core' },
    { what: of('gateway CPU open'), value: median(open), unit: '% of a core' },
    { what: of('gateway CPU more when open'), value: more, unit: '% of a core', target: `≤ ${GATEWAY_PERCENT}` },
  ];
}
