/** The metrics of several workers as those of one server. */
import { AggregatorRegistry } from 'prom-client';
import { type MetricValues, PREFIX } from './metrics.ts';

/** Of those that Node tells, how several become one: the worst counts. prom-client takes the mean, or leaves them out. */
const HOW: readonly (readonly [names: RegExp, how: MetricValues['aggregator']])[] = [
  [/^nodejs_eventloop_lag/, 'max'],
  [/^process_start_time_seconds$/, 'min'],
];

/** A number of a worker, or what is never counted down. */
const isCount = ({ type, aggregator }: MetricValues): boolean =>
  (String(type) === 'counter' || String(type) === 'histogram') && (aggregator === 'sum' || aggregator === 'max');

export class JointMetrics {
  private readonly latest = new Map<number, readonly MetricValues[]>();
  /** What workers that are gone had counted: no sum may go back when one ends. */
  private counted: MetricValues[] = [];

  /** What a worker tells now. */
  set(workerId: number, values: readonly MetricValues[]): void {
    this.latest.set(workerId, values.map(jointly));
  }

  /** A worker ended: what it had counted by the last time that it told is kept, and nothing else of it. */
  async gone(workerId: number): Promise<void> {
    const last = this.latest.get(workerId);
    this.latest.delete(workerId);
    if (last)
      this.counted = await AggregatorRegistry.aggregate([this.counted, last.filter(isCount)]).getMetricsAsJSON();
  }

  /** In the text format of Prometheus. @param own metrics of the parent. */
  text(own: readonly MetricValues[]): Promise<string> {
    return AggregatorRegistry.aggregate([...this.latest.values(), this.counted, own]).metrics();
  }
}

function jointly(metric: MetricValues): MetricValues {
  const how = HOW.find(([names]) => names.test(metric.name))?.[1];
  return how === undefined ? metric : { ...metric, aggregator: how };
}

/** A metric of one value, without labels. @param name without the prefix. */
export function singleMetric(type: 'gauge' | 'counter', name: string, help: string, value: number): MetricValues {
  return {
    name: PREFIX + name,
    help,
    type: type as unknown as MetricValues['type'],
    aggregator: 'sum',
    collect: () => {},
    values: [{ value, labels: {} }],
  };
}
