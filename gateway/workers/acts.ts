/** What parent and workers ask of each other. Values are cloned on their way: no functions, no classes. */
import type { Readiness } from '../http/readiness.ts';
import type { MetricValues } from '../metrics/metrics.ts';
import type { ReadyFacts } from '../server.ts';
import type { StopTimes } from '../shutdown.ts';

export type WorkerActs = {
  /** Its loop turns. */
  isAlive(): true;
  metrics(): Promise<MetricValues[]>;
  readiness(): Promise<Readiness>;
  setLogLevel(level: string): void;
  stop(times: StopTimes): void;
};

export type ParentActs = {
  /** The ports are bound: it serves, also while the store is away. */
  listening(): void;
  ready(facts: ReadyFacts): void;
  /** It cannot start as it is configured, and ends. */
  refuse(message: string): void;
  /** The last metrics of one that ends in order. */
  leave(metrics: MetricValues[]): void;
  /** Of all workers, as are the following. */
  metrics(): Promise<string>;
  readiness(): Promise<Readiness>;
  setLogLevel(level: string): void;
};

/** Longer than what a worker waits for a reading of its metrics. */
export const WORKER_ANSWER_MS = 1_500;
/** The parent asks the workers before it answers. */
export const PARENT_ANSWER_MS = 2_000;
