/** What the command and its generator processes tell each other. */
import type { DashboardOrder } from './dashboard.ts';
import type { LoadOptions } from './options.ts';
import type { TallyData } from './tally.ts';

export interface WorkerOrder {
  readonly options: LoadOptions;
  /** Of so many processes this is number `index`, from 0. */
  readonly processes: number;
  readonly index: number;
  readonly dashboards: readonly DashboardOrder[];
}

export type ToWorker =
  | { readonly type: 'order'; readonly order: WorkerOrder }
  /** @param startMs by `nowMs`. */
  | { readonly type: 'go'; readonly startMs: number }
  /** No more acts: whoever is there leaves. */
  | { readonly type: 'leave' }
  /** Dashboards are told the last changes, then end. @param made changes in all; none when some sessions were left behind. */
  | { readonly type: 'finish'; readonly made: number | undefined };

export interface Tick {
  readonly type: 'tick';
  readonly tally: TallyData;
  readonly here: number;
  /** Of one core, since the last tick. */
  readonly cpuShare: number;
}

export type FromWorker =
  /** Dashboards have begun; or why not, in words. */
  | { readonly type: 'ready'; readonly failure?: string }
  | Tick
  /** The plan is over. */
  | { readonly type: 'planned' }
  /** @param leftBehind sessions that could not be ended. */
  | { readonly type: 'left'; readonly leftBehind: number }
  | { readonly type: 'done' };
