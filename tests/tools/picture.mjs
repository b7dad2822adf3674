/** Draws gateway/overview.svg, the picture of the README: boxes, and arrows between them. `node tests/tools/picture.mjs`; `--print` writes no file. */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const PICTURE = 'gateway/overview.svg';

const [WIDTH, HEIGHT] = [960, 400];

/** Left edge, top edge, width, height. */
const BOXES = [
  { at: [20, 30, 190, 64], title: 'Phone', lines: ['1 of 3 · plays tnt'] },
  { at: [20, 110, 190, 64], title: 'TV', lines: ['2 of 3 · plays espn'] },
  { at: [20, 190, 190, 64], title: 'Laptop', lines: ['3 of 3 · connection lost'], kind: 'warn' },
  { at: [20, 270, 190, 64], title: 'Tablet', lines: ['refused: all 3 are taken'], kind: 'bad' },
  { at: [350, 50, 230, 264], title: 'Presence Gateway', lines: [], kind: 'main' },
  { at: [370, 96, 190, 84], title: 'Sessions with leases', lines: ['one atomic step admits', 'or refuses one more'] },
  { at: [370, 206, 190, 84], title: 'Log of changes', lines: ['each told once,', 'many readers'] },
  { at: [730, 30, 210, 64], title: 'Dashboards', lines: ['who watches what, live'] },
  { at: [730, 110, 210, 64], title: 'Other services', lines: ['status, counts, limits'] },
  { at: [730, 190, 210, 64], title: 'History', lines: ['SQLite, MySQL, MariaDB'] },
  { at: [730, 270, 210, 64], title: 'Prometheus', lines: ['metrics'] },
];

const ARROWS = [
  { from: [210, 62], to: [350, 120], both: true },
  { from: [210, 142], to: [350, 160], both: true },
  { from: [210, 222], to: [350, 200], kind: 'warn' },
  { from: [210, 302], to: [350, 240], both: true, kind: 'bad' },
  { from: [465, 180], to: [465, 206] },
  { from: [580, 120], to: [730, 62], both: true },
  { from: [580, 160], to: [730, 142], both: true },
  { from: [580, 220], to: [730, 222] },
  { from: [580, 260], to: [730, 302] },
];

const LABELS = [
  { at: [280, 44], text: 'WebSocket' },
  { at: [280, 60], text: 'or HTTP beats' },
  { at: [655, 44], text: 'WebSocket' },
  { at: [655, 172], text: 'HTTP' },
  { at: [465, 338], text: 'in memory: one process' },
  { at: [465, 356], text: 'or over Redis: as many as you like' },
];

const STYLE = `
  :root { --text: #1a2130; --dim: #576074; --box: #ffffff; --main: #eef3ff; --line: #b9c3d6; --warn: #8a5300; --bad: #b3261e; --accent: #1a56c4; }
  @media (prefers-color-scheme: dark) {
    :root { --text: #e4e8f1; --dim: #9ca7bd; --box: #171c26; --main: #16213a; --line: #46526b; --warn: #f0b35e; --bad: #ff8a80; --accent: #8ab6ff; }
  }
  text { font: 13px system-ui, sans-serif; fill: var(--dim); text-anchor: middle; }
  .title { font-size: 15px; font-weight: 600; fill: var(--text); }
  rect { fill: var(--box); stroke: var(--line); stroke-width: 1.5; }
  .main { fill: var(--main); stroke: var(--accent); }
  rect.warn { stroke: var(--warn); stroke-dasharray: 5 4; }
  rect.bad { stroke: var(--bad); }
  path { fill: none; stroke: var(--dim); stroke-width: 1.5; marker-end: url(#head); }
  .both { marker-start: url(#head); }
  path.warn { stroke: var(--warn); stroke-dasharray: 5 4; }
  path.bad { stroke: var(--bad); }
  marker path { fill: var(--dim); stroke: none; marker-end: none; }
`;

function box({ at: [x, y, width, height], title, lines, kind = '' }) {
  const middle = x + width / 2;
  const top = kind === 'main' ? y + 28 : y + height / 2 + 5 - lines.length * 9;
  const texts = lines.map((line, i) => `<text x="${middle}" y="${top + (i + 1) * 19}">${line}</text>`);
  return `<rect class="${kind}" x="${x}" y="${y}" width="${width}" height="${height}" rx="10"/>
<text class="title" x="${middle}" y="${top}">${title}</text>
${texts.join('\n')}`;
}

/** Ends short of what it points at. */
function arrow({ from: [x1, y1], to: [x2, y2], both = false, kind = '' }) {
  const length = Math.hypot(x2 - x1, y2 - y1);
  const [dx, dy] = [((x2 - x1) / length) * 5, ((y2 - y1) / length) * 5];
  const place = (x, y) => `${x.toFixed(1)} ${y.toFixed(1)}`;
  return `<path class="${both ? 'both ' : ''}${kind}" d="M${place(x1 + dx, y1 + dy)} L${place(x2 - dx, y2 - dy)}"/>`;
}

function picture() {
  const parts = [
    ...BOXES.map(box),
    ...ARROWS.map(arrow),
    ...LABELS.map(({ at: [x, y], text }) => `<text x="${x}" y="${y}">${text}</text>`),
  ];
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="Players hold sessions in the gateway; dashboards, services and the history read what changes">
<style>${STYLE}</style>
<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto-start-reverse"><path d="M0 0 L8 4 L0 8 Z"/></marker></defs>
${parts.join('\n')}
</svg>
`;
}

if (process.argv.includes('--print')) process.stdout.write(picture());
else writeFileSync(fileURLToPath(new URL(`../../${PICTURE}`, import.meta.url)), picture());
