/**
 * Histograms whose observation costs one array increment. Those of prom-client check and hash their labels at each
 * observation, which costs ten times as much.
 */

/** The histogram of one set of label values. */
export class Durations {
  readonly labels: Readonly<Record<string, string>>;
  /** By bucket; the last one counts values above all bounds. */
  readonly counts: number[];
  sumS = 0;
  private readonly boundsS: readonly number[];

  constructor(labels: Readonly<Record<string, string>>, boundsS: readonly number[]) {
    this.labels = labels;
    this.boundsS = boundsS;
    this.counts = new Array(boundsS.length + 1).fill(0);
  }

  observe(seconds: number): void {
    const { boundsS } = this;
    let bucket = 0;
    while (bucket < boundsS.length && seconds > (boundsS[bucket] as number)) bucket += 1;
    (this.counts[bucket] as number) += 1;
    this.sumS += seconds;
  }
}

interface HistogramSample {
  readonly metricName: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A histogram metric, in the shape that prom-client's registry reads: see `Metrics.histogram`. */
export class DurationsHistogram {
  readonly name: string;
  readonly help: string;
  readonly type = 'histogram';
  readonly aggregator = 'sum';
  private readonly boundsS: readonly number[];
  private readonly all: Durations[] = [];

  constructor(name: string, help: string, boundsS: readonly number[]) {
    this.name = name;
    this.help = help;
    this.boundsS = boundsS;
  }

  add(labels: Readonly<Record<string, string>>): Durations {
    const durations = new Durations(labels, this.boundsS);
    this.all.push(durations);
    return durations;
  }

  async get() {
    const { name, help, type, aggregator } = this;
    const observed = this.all.filter(({ counts }) => counts.some((count) => count > 0));
    return { name, help, type, aggregator, values: observed.flatMap((durations) => this.samples(durations)) };
  }

  private samples({ labels, counts, sumS }: Durations): HistogramSample[] {
    let total = 0;
    const buckets = counts.map((count, bucket) => {
      total += count;
      const le = String(this.boundsS[bucket] ?? '+Inf');
      return { metricName: `${this.name}_bucket`, labels: { ...labels, le }, value: total };
    });
    return [
      ...buckets,
      { metricName: `${this.name}_sum`, labels, value: sumS },
      { metricName: `${this.name}_count`, labels, value: total },
    ];
  }
}
