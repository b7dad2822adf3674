/** What one process does of the plan: all of them go through the whole of it, so it is the same however many there are. */
import type { Cast } from './cast.ts';
import type { DashboardOrder } from './dashboard.ts';
import { type PlanOptions, plan } from './plan.ts';
import type { Step } from './step.ts';
import type { DashboardGroup } from './topics.ts';

/** All players of a user are in one process, which so knows how many it holds. */
export function isOfProcess({ act, player }: Step, cast: Cast, index: number, processes: number): boolean {
  return (act === 'status' ? player : cast.userOf(player)) % processes === index;
}

export function* planShare(options: PlanOptions, cast: Cast, index: number, processes: number): Generator<Step> {
  for (const step of plan(options, cast)) if (isOfProcess(step, cast, index, processes)) yield step;
}

/** All dashboards, each with a number that says what it watches. */
export function dashboardOrders(groups: readonly DashboardGroup[]): DashboardOrder[] {
  return groups.flatMap(({ kind, count, mode }) =>
    Array.from({ length: count }, (_, number) => ({ kind, mode, number })),
  );
}
