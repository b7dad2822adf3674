/** What was measured: latencies by name, counts by name, and what should never have happened, in words. */
import { Histogram, type HistogramData } from './histogram.ts';

/** Latencies from the instant at which the act was due. */
export const LATENCIES = {
  connect: 'until the connection was upgraded to a WebSocket',
  welcome: 'a player who comes, connection included, until its welcome',
  resume: 'a player whose connection was lost, from when it tries again until its welcome',
  switch: 'another stream, until ok',
  leave: 'leave, until the server closed',
  refresh: 'a new token, until ok',
  beat: 'POST /heartbeat',
  guard: 'POST, PATCH or DELETE of a guard',
  status: 'GET or POST /status/users',
  snapshot: 'a dashboard subscribes, until the last page of the snapshot',
  change: 'a join, resume or switch, until a dashboard was told of it',
  storm: 'connections, resumes and switches of the storm only',
  late: 'how late the generator itself sent, behind its plan',
} as const;

export type LatencyName = keyof typeof LATENCIES;
export const LATENCY_NAMES = Object.keys(LATENCIES) as LatencyName[];

/** Bounds what is kept of violations; their number is counted all the same. */
const MAX_TEXTS = 20;

export interface TallyData {
  readonly latencies: Readonly<Partial<Record<LatencyName, HistogramData>>>;
  readonly counts: Readonly<Record<string, number>>;
  readonly violations: readonly string[];
}

/**
 * Counts: `acts` begun, `skipped` (of players who were not there), `refused` at the limit, `evicted`, `degraded`, `errors`
 * and `errors.<code>`, `closes.<code>`, `violations`, `checked.admissions`, `checked.changes`, `made` and `told` changes.
 */
export class Tally {
  readonly latencies = new Map<LatencyName, Histogram>();
  readonly counts = new Map<string, number>();
  readonly violations: string[] = [];

  latency(name: LatencyName, ms: number): void {
    this.histogram(name).add(ms);
  }

  histogram(name: LatencyName): Histogram {
    let histogram = this.latencies.get(name);
    if (!histogram) {
      histogram = new Histogram();
      this.latencies.set(name, histogram);
    }
    return histogram;
  }

  count(name: string, by = 1): void {
    this.counts.set(name, (this.counts.get(name) ?? 0) + by);
  }

  countOf(name: string): number {
    return this.counts.get(name) ?? 0;
  }

  /** @param code of a problem, or what went wrong in one word. */
  error(code: string): void {
    this.count('errors');
    this.count(`errors.${code}`);
  }

  violation(text: string): void {
    this.count('violations');
    if (this.violations.length < MAX_TEXTS) this.violations.push(text);
  }

  merge(data: TallyData): void {
    for (const [name, histogram] of Object.entries(data.latencies)) {
      this.histogram(name as LatencyName).merge(histogram);
    }
    for (const [name, count] of Object.entries(data.counts)) this.count(name, count);
    this.violations.push(...data.violations.slice(0, MAX_TEXTS - this.violations.length));
  }

  data(): TallyData {
    return {
      latencies: Object.fromEntries([...this.latencies].map(([name, histogram]) => [name, histogram.data()])),
      counts: Object.fromEntries(this.counts),
      violations: this.violations,
    };
  }

  /** The counts whose names begin with a prefix, without it, largest first. */
  byCode(prefix: string): [code: string, count: number][] {
    return [...this.counts]
      .filter(([name]) => name.startsWith(prefix))
      .map(([name, count]): [string, number] => [name.slice(prefix.length), count])
      .sort(([, a], [, b]) => b - a);
  }
}
