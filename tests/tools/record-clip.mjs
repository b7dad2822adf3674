/**
 * Makes gateway/demo/clip.webm, what the players of the demo play: draws a loop on a canvas in Chromium and records it.
 * `node tests/tools/record-clip.mjs`
 */
import { writeFileSync } from 'node:fs';
import { chromium } from 'playwright-core';

const CHROMIUM = '/usr/bin/chromium';
const SCENE = { width: 480, height: 270, seconds: 8, framesPerSecond: 20, bitsPerSecond: 130_000 };

/** In the page. Everything moves in whole turns, so the end meets the beginning. */
async function record({ width, height, seconds, framesPerSecond, bitsPerSecond }) {
  const canvas = Object.assign(document.createElement('canvas'), { width, height });
  const brush = canvas.getContext('2d');
  const draw = (turn) => {
    const sky = brush.createLinearGradient(0, 0, 0, height);
    sky.addColorStop(0, '#102a5c');
    sky.addColorStop(0.62, '#3f6fd1');
    sky.addColorStop(1, '#a9c6ff');
    brush.fillStyle = sky;
    brush.fillRect(0, 0, width, height);
    brush.fillStyle = '#fff3d0';
    brush.beginPath();
    brush.arc(width * 0.68, height * (0.4 + 0.06 * Math.sin(turn)), 34, 0, 2 * Math.PI);
    brush.fill();
    for (const [i, colour] of ['#2b4f9e', '#1f3c80', '#142a5f'].entries()) {
      brush.fillStyle = colour;
      brush.beginPath();
      brush.moveTo(0, height);
      for (let x = 0; x <= width; x += 6) {
        const at = (x / width) * 2 * Math.PI;
        const hill = Math.sin(at * (i + 1) + turn * (i + 1)) + 0.4 * Math.sin(at * (i + 3) - turn);
        brush.lineTo(x, height * (0.62 + 0.12 * i) - hill * 16);
      }
      brush.lineTo(width, height);
      brush.fill();
    }
  };
  draw(0);
  const recorder = new MediaRecorder(canvas.captureStream(framesPerSecond), {
    mimeType: 'video/webm;codecs=vp8',
    videoBitsPerSecond: bitsPerSecond,
  });
  const chunks = [];
  recorder.ondataavailable = ({ data }) => chunks.push(data);
  const stopped = new Promise((resolve) => {
    recorder.onstop = resolve;
  });
  recorder.start();
  const startedAt = performance.now();
  for (;;) {
    const turn = ((performance.now() - startedAt) / (seconds * 1_000)) * 2 * Math.PI;
    if (turn >= 2 * Math.PI) break;
    draw(turn);
    await new Promise(requestAnimationFrame);
  }
  recorder.stop();
  await stopped;
  return [...new Uint8Array(await new Blob(chunks).arrayBuffer())];
}

const browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
const page = await browser.newPage();
const bytes = Uint8Array.from(await page.evaluate(record, SCENE));
await browser.close();
writeFileSync(new URL('../../gateway/demo/clip.webm', import.meta.url), bytes);
console.log(`${bytes.length} bytes`);
