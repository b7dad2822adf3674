/** What every part of a scenario returns, and how it is shown. */
export interface Figure {
  readonly what: string;
  /** The median where there are samples. */
  readonly value: number;
  readonly unit: string;
  /** What the design asks for, as text: `≤ 340`, `≥ 12,000` or `0`. */
  readonly target?: string;
  /** What each round gave. */
  readonly samples?: readonly number[];
  /** How programs find it among the figures of its part. */
  readonly key?: string;
}

/** Whether the figure is not what its target asks for; also when it cannot be said. */
export function isMissed({ value, target }: Figure): boolean {
  if (target === undefined) return false;
  const [, bound = '', digits] = /^([≤≥]?) ?([\d.,]+)$/.exec(target) ?? [];
  const wanted = Number(digits?.replaceAll(',', ''));
  if (bound === '≤') return !(value <= wanted);
  return bound === '≥' ? !(value >= wanted) : value !== wanted;
}

export const numberText = (value: number): string =>
  Math.abs(value) >= 999.5 ? Math.round(value).toLocaleString('en') : String(Number(value.toPrecision(3)));

/** `98 … 112`: the least and the most of the samples; empty without samples. */
export function spreadText({ samples }: Figure): string {
  if (!samples || samples.length < 2) return '';
  return `${numberText(Math.min(...samples))} … ${numberText(Math.max(...samples))}`;
}

/** A table for people. */
export function figuresText(title: string, figures: readonly Figure[]): string {
  const rows = figures.map((f) => [
    f.what,
    numberText(f.value),
    f.unit,
    spreadText(f),
    `${f.target ?? ''}${isMissed(f) ? ' missed' : ''}`,
  ]);
  const head = ['figure', 'measured', 'unit', 'spread', 'target'];
  const widths = head.map((name, column) =>
    Math.max(name.length, ...rows.map((row) => (row[column] as string).length)),
  );
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, i) => (i === 1 ? cell.padStart(widths[i] as number) : cell.padEnd(widths[i] as number)))
      .join('  ')
      .trimEnd();
  return `\n${[title, line(head), widths.map((w) => '-'.repeat(w)).join('  '), ...rows.map(line)].join('\n')}\n`;
}

/** @param failures what could not be measured. @param isStrict a missed target is a failure too. */
export function exitCode(figures: readonly Figure[], failures: readonly string[], isStrict: boolean): 0 | 1 {
  return failures.length > 0 || (isStrict && figures.some(isMissed)) ? 1 : 0;
}

/** What was missed, or that nothing was. */
export function missedText(figures: readonly Figure[]): string {
  const missed = figures.filter(isMissed);
  const withTarget = figures.filter((f) => f.target !== undefined).length;
  const lines = missed.map((f) => `  ${f.what}: ${numberText(f.value)} ${f.unit}, wanted ${f.target}\n`);
  return `\n${missed.length} of ${withTarget} targets missed${missed.length > 0 ? ':' : ''}\n${lines.join('')}`;
}
