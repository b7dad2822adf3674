/** A bar chart as SVG, to be read on light and dark pages. */
export interface Bar {
  readonly label: string;
  readonly value: number;
  /** Least and most of the samples. */
  readonly range?: readonly [number, number];
  readonly text: string;
  readonly isOurs: boolean;
}

const WIDTH = 720;
const LABEL_WIDTH = 250;
const VALUE_WIDTH = 90;
const ROW = 24;
const BAR = 16;
const HEAD = 34;
const OURS = '#0b7a75';
const OTHERS = '#8a94a3';
const STYLE = `text{font:13px system-ui,sans-serif;fill:#1f2933}.t{font-weight:600}@media(prefers-color-scheme:dark){text{fill:#e4e7eb}}`;

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
const rounded = (value: number): string => value.toFixed(1);

/** The shortest bar is the best. */
export function barChart(title: string, bars: readonly Bar[]): string {
  const most = Math.max(...bars.map(({ value, range }) => range?.[1] ?? value));
  const scale = (value: number): number => (most > 0 ? (value / most) * (WIDTH - LABEL_WIDTH - VALUE_WIDTH) : 0);
  const height = HEAD + bars.length * ROW + 8;
  const rows = bars.map(({ label, value, range, text, isOurs }, i) => {
    const y = HEAD + i * ROW;
    const middle = y + BAR / 2;
    const end = LABEL_WIDTH + scale(range?.[1] ?? value) + 8;
    const spread = range
      ? `<path d="M${rounded(LABEL_WIDTH + scale(range[0]))} ${middle}H${rounded(LABEL_WIDTH + scale(range[1]))}" stroke="#c2410c" stroke-width="2"/>`
      : '';
    return [
      `<text x="${LABEL_WIDTH - 8}" y="${y + 13}" text-anchor="end"${isOurs ? ' class="t"' : ''}>${escaped(label)}</text>`,
      `<rect x="${LABEL_WIDTH}" y="${y}" width="${rounded(Math.max(1, scale(value)))}" height="${BAR}" rx="2" fill="${isOurs ? OURS : OTHERS}"/>`,
      spread,
      `<text x="${rounded(end)}" y="${y + 13}">${escaped(text)}</text>`,
    ].join('');
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escaped(title)}">
<style>${STYLE}</style>
<text x="8" y="20" class="t">${escaped(title)}</text>
${rows.join('\n')}
</svg>
`;
}
