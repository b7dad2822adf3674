/**
 * The metrics of one server, in the text format of Prometheus. Only this folder uses prom-client.
 *
 * Values are pulled: the code that counts keeps plain numbers, which are read at each scrape. Label values come from
 * closed sets (routes, verbs, codes, servers), never from clients.
 */
import {
  type Aggregator,
  Counter,
  Gauge,
  type Metric,
  type MetricObjectWithValues,
  type MetricValue,
  Registry,
} from 'prom-client';
import { createTimeBound } from '../../presence-core/index.ts';
import { type Durations, DurationsHistogram } from './durations.ts';
import { processMetrics } from './process-metrics.ts';

export interface MetricAbout {
  /** Without the prefix `presence_`; units in seconds or bytes, a counter ends in `_total`. */
  readonly name: string;
  readonly help: string;
  /** Names of the labels. A histogram takes them from `Durations`. */
  readonly labels?: readonly string[];
  /**
   * What several workers tell as one (`WORKERS`); by default their sum. `first` is for what is not of the process, such
   * as figures of Redis.
   */
  readonly jointly?: 'max' | 'min' | 'first';
}

export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** One metric with its values, and how those of several workers become one (`aggregator`). */
export type MetricValues = MetricObjectWithValues<MetricValue<string>>;

/** Undefined: not known now; the metric is left out. */
export type Reading = number | readonly Sample[] | undefined;
export type Read = () => Reading | Promise<Reading>;

export const PREFIX = 'presence_';
/** A reading that takes longer, or fails, is left out, so that a scrape always gets a response. */
const READ_BOUND_MS = 1_000;
const within = createTimeBound(READ_BOUND_MS, () => new Error('the reading took too long'));
/** Scrapes within this time get the same text. */
const MAX_AGE_MS = 1_000;

export class Metrics {
  static readonly contentType = Registry.PROMETHEUS_CONTENT_TYPE;
  private readonly registry = new Registry();
  private readonly process = processMetrics();
  private readonly maxAgeMs: number;
  private latest: Promise<string> | undefined;

  constructor(maxAgeMs = MAX_AGE_MS) {
    this.maxAgeMs = maxAgeMs;
  }

  gauge(about: MetricAbout, read: Read): void {
    const gauge: Gauge = new Gauge({
      ...this.described(about),
      collect: () => pull(gauge, about.labels !== undefined, read),
    });
  }

  /** @param read returns the total so far. */
  counter(about: MetricAbout, read: Read): void {
    const counter: Counter = new Counter({
      ...this.described(about),
      collect: () => pull(counter, about.labels !== undefined, read),
    });
  }

  /**
   * @param boundsS upper bounds in seconds, ascending.
   * @returns a function that creates the series of one set of label values: call it once per set and keep the result.
   */
  histogram(about: MetricAbout, boundsS: readonly number[]): (labels: Sample['labels']) => Durations {
    const histogram = new DurationsHistogram(PREFIX + about.name, about.help, boundsS);
    // The registry only uses the name and `get` of a metric.
    this.registry.registerMetric(histogram as unknown as Metric);
    return (labels) => histogram.add(labels);
  }

  /** All metrics as text. Does not reject when a reading fails. */
  text(): Promise<string> {
    this.latest ??= this.render();
    return this.latest;
  }

  /** All metrics as values, to be joined with those of other workers. */
  async values(): Promise<MetricValues[]> {
    const parts = await Promise.all([this.registry.getMetricsAsJSON(), this.process.getMetricsAsJSON()]);
    return parts.flat() as MetricValues[];
  }

  private async render(): Promise<string> {
    setTimeout(() => {
      this.latest = undefined;
    }, this.maxAgeMs).unref();
    const parts = await Promise.all([this.registry.metrics(), this.process.metrics()]);
    return parts.join('\n');
  }

  private described({ name, help, labels = [], jointly }: MetricAbout) {
    const aggregator: Aggregator = jointly ?? 'sum';
    return { name: PREFIX + name, help, labelNames: labels, registers: [this.registry], aggregator };
  }
}

/** Samples of a record of counts, one per value of one label. */
export function byLabel(label: string, counts: Readonly<Record<string, number>>): Sample[] {
  return Object.entries(counts).map(([value, count]) => ({ labels: { [label]: value }, value: count }));
}

async function pull(metric: Counter | Gauge, isLabelled: boolean, read: Read): Promise<void> {
  const reading = await boundedReading(read);
  // Without labels, `reset` would set the value to 0.
  if (isLabelled) metric.reset();
  else metric.remove();
  if (typeof reading === 'number') metric.inc(reading);
  else for (const { labels, value } of reading ?? []) metric.inc(labels, value);
}

async function boundedReading(read: Read): Promise<Reading> {
  try {
    return await within(Promise.resolve(read()));
  } catch {
    return undefined;
  }
}
