/** Prometheus' text format, read strictly and without the library that writes it. */

export interface Series {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const NAME = '[a-zA-Z_:][a-zA-Z0-9_:]*';
const HELP = new RegExp(`^# HELP (${NAME}) (\\S.*)$`);
const TYPE = new RegExp(`^# TYPE (${NAME}) (counter|gauge|histogram)$`);
const SAMPLE = new RegExp(`^(${NAME})(?:\\{(.*)\\})? (\\S+)$`);
const LABEL = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/;
const NUMBER = /^(?:[+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?|[+-]Inf|nan)$/i;
const OF_HISTOGRAM = /_(?:bucket|sum|count)$/;

/** @throws Error naming the line that is not of the format. */
export function parseExposition(text: string): Exposition {
  if (!text.endsWith('\n')) throw new Error('the last line does not end');
  const families = new Map<string, string>();
  const described = new Set<string>();
  const seen = new Set<string>();
  const series: Series[] = [];
  let family = '';
  for (const line of text.split('\n')) {
    const fail = (why: string): never => {
      throw new Error(`${why}: ${line}`);
    };
    if (line === '') continue;
    if (line.startsWith('#')) {
      const help = HELP.exec(line)?.[1];
      const [, name, type] = TYPE.exec(line) ?? [];
      if (help !== undefined) {
        if (described.has(help)) fail('described twice');
        described.add(help);
      } else if (name !== undefined && type !== undefined) {
        if (families.has(name) || !described.has(name)) fail('typed twice, or before its help');
        if ((type === 'counter') !== name.endsWith('_total')) fail('a counter, and nothing else, ends in _total');
        families.set(name, type);
        family = name;
      } else {
        fail('no HELP and no TYPE');
      }
      continue;
    }
    const [, name, inner, written] = SAMPLE.exec(line) ?? fail('no sample');
    const isPart = families.get(family) === 'histogram' && name?.replace(OF_HISTOGRAM, '') === family;
    if (name !== family && !isPart) fail('outside its family');
    const labels = labelsOf(inner ?? '') ?? fail('no labels');
    if (!NUMBER.test(written as string)) fail('no number');
    const identity = `${name} ${JSON.stringify(Object.entries(labels).sort())}`;
    if (seen.has(identity)) fail('twice');
    seen.add(identity);
    series.push({ name: name as string, labels, value: Number((written as string).replace('Inf', 'Infinity')) });
  }
  for (const [name, type] of families) if (type === 'histogram') checkHistogram(name, series);
  return new Exposition(series, families);
}

function labelsOf(inner: string): Record<string, string> | undefined {
  const labels: Record<string, string> = {};
  for (let rest = inner; rest !== ''; ) {
    const [whole, name, value] = LABEL.exec(rest) ?? [];
    if (whole === undefined || name === undefined || name in labels) return undefined;
    labels[name] = value as string;
    rest = rest.slice(whole.length);
  }
  return labels;
}

/** Buckets grow, and the last of them counts all. */
function checkHistogram(name: string, series: readonly Series[]): void {
  const groups = new Map<string, number[]>();
  for (const { name: of, labels, value } of series) {
    if (of !== `${name}_bucket` && of !== `${name}_count`) continue;
    const { le: _, ...rest } = labels;
    const key = JSON.stringify(rest);
    groups.set(key, [...(groups.get(key) ?? []), value]);
  }
  for (const [key, values] of groups) {
    const isSorted = values.every((value, i) => i === 0 || value >= (values[i - 1] as number));
    if (!isSorted || values.at(-1) !== values.at(-2)) throw new Error(`${name} ${key} is no histogram: ${values}`);
  }
}

export class Exposition {
  readonly series: readonly Series[];
  /** Type by name. */
  readonly families: ReadonlyMap<string, string>;

  constructor(series: readonly Series[], families: ReadonlyMap<string, string>) {
    this.series = series;
    this.families = families;
  }

  /** The series of a name whose labels include these. */
  of(name: string, labels: Readonly<Record<string, string>> = {}): Series[] {
    const wanted = Object.entries(labels);
    return this.series.filter((s) => s.name === name && wanted.every(([label, value]) => s.labels[label] === value));
  }

  /** The one series of a name with these labels; undefined when there is none. */
  value(name: string, labels: Readonly<Record<string, string>> = {}): number | undefined {
    const found = this.of(name, labels);
    if (found.length > 1) throw new Error(`${name} has ${found.length} series with ${JSON.stringify(labels)}`);
    return found[0]?.value;
  }

  /** Values by one label, zeros left out. */
  by(label: string, name: string, labels: Readonly<Record<string, string>> = {}): Record<string, number> {
    const found = this.of(name, labels).filter(({ value }) => value !== 0);
    return Object.fromEntries(found.map((s) => [s.labels[label] as string, s.value]));
  }
}
