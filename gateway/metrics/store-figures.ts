/** Counts the results of store calls, and registers them as metrics. */
import {
  type BeatResult,
  type CloseReason,
  type Displaced,
  type OpenRequest,
  type OpenResult,
  type Owner,
  type RenewResult,
  StoreError,
  type SweepResult,
  type Via,
} from '../../presence-core/index.ts';
import { byLabel, type Metrics, type Sample } from './metrics.ts';
import type { RecentRefusals } from './recent-refusals.ts';
import type { StoreHealth } from './store-health.ts';

/** The store did not answer: the outage policy admits the player (`degraded`) or refuses it (`unavailable`). */
export type Absence = 'degraded' | 'unavailable';
type Admission = OpenResult['outcome'] | Absence | 'overloaded';

const VIAS: readonly Via[] = ['socket', 'heartbeat', 'guard', 'presence'];
const NO_ADMISSIONS: Record<Admission, number> = {
  opened: 0,
  renewed: 0,
  held: 0,
  refused: 0,
  ended: 0,
  fenced: 0,
  moved: 0,
  gone: 0,
  degraded: 0,
  unavailable: 0,
  overloaded: 0,
};
const NO_RENEWALS: Record<RenewResult['outcome'], number> = {
  renewed: 0,
  gone: 0,
  moved: 0,
  fenced: 0,
  ended: 0,
  failed: 0,
};
const NO_DISPLACED: Record<CloseReason | 'moved', number> = {
  left: 0,
  timeout: 0,
  node_lost: 0,
  evicted: 0,
  replaced: 0,
  kicked: 0,
  moved: 0,
};

export class StoreFigures {
  readonly health: StoreHealth;
  readonly admissions: Record<Via, Record<Admission, number>>;
  readonly renewals = { ...NO_RENEWALS };
  readonly displaced = { ...NO_DISPLACED };
  readonly beats = { alive: 0, fenced: 0, failed: 0 };
  readonly errors = new Map<string, { labels: Record<string, string>; value: number }>();
  inFlight = 0;
  sweeps = 0;
  sweepEnded = 0;
  sweepLagMs = 0;
  recountCorrected = 0;
  /** All calls that ended, failed ones included. */
  readonly calls = { count: 0, totalMs: 0 };
  private readonly refusals: RecentRefusals | undefined;

  /** @param refusals told of each refusal by the limit. */
  constructor(health: StoreHealth, refusals?: RecentRefusals) {
    this.health = health;
    this.refusals = refusals;
    const none = VIAS.map((via) => [via, { ...NO_ADMISSIONS }]);
    this.admissions = Object.fromEntries(none) as Record<Via, Record<Admission, number>>;
  }

  opened(request: OpenRequest, result: OpenResult): void {
    this.admissions[viaOf(request.owner)][result.outcome] += 1;
    if (result.outcome === 'refused') this.refusals?.add(request, result);
    if ('displaced' in result) this.displacedBy(result.displaced);
  }

  unanswered({ owner }: OpenRequest, result: Absence | 'overloaded'): void {
    this.admissions[viaOf(owner)][result] += 1;
  }

  /** Over all that a session is held by. */
  admissionsInAll(): Record<Admission, number> {
    const all = { ...NO_ADMISSIONS };
    for (const via of VIAS) {
      for (const result of Object.keys(all) as Admission[]) all[result] += this.admissions[via][result];
    }
    return all;
  }

  renewed(results: readonly RenewResult[]): void {
    for (const { outcome } of results) this.renewals[outcome] += 1;
  }

  displacedBy(displaced: readonly Displaced[]): void {
    for (const { reason } of displaced) this.displaced[reason] += 1;
  }

  beaten({ outcome }: BeatResult): void {
    this.beats[outcome] += 1;
    this.health.answered();
  }

  beatFailed(begunAt: number): void {
    this.beats.failed += 1;
    this.health.failed(begunAt);
  }

  swept({ ended, lagMs, corrected }: SweepResult): void {
    this.sweeps += 1;
    this.sweepEnded += ended;
    this.sweepLagMs = lagMs;
    this.recountCorrected += corrected;
  }

  failed(verb: string, error: unknown): void {
    this.health.noteFailure(verb, error);
    const code = error instanceof StoreError ? error.code : 'internal';
    const counted = this.errors.get(`${verb} ${code}`);
    if (counted) counted.value += 1;
    else this.errors.set(`${verb} ${code}`, { labels: { verb, code }, value: 1 });
  }
}

export function registerStoreFigures(figures: StoreFigures, metrics: Metrics): void {
  const { health, beats, renewals, displaced } = figures;
  metrics.counter({ name: 'admissions_total', help: 'Session opens by result', labels: ['via', 'result'] }, () =>
    VIAS.flatMap((via) =>
      byLabel('result', figures.admissions[via]).map(
        ({ labels, value }): Sample => ({ labels: { via, ...labels }, value }),
      ),
    ),
  );
  metrics.counter({ name: 'renewals_total', help: 'Session lease renewals by result', labels: ['result'] }, () =>
    byLabel('result', renewals),
  );
  metrics.counter(
    {
      name: 'displaced_total',
      help: 'Sessions ended or moved by this process, by reason',
      labels: ['reason'],
    },
    () => byLabel('reason', displaced),
  );
  metrics.counter({ name: 'node_beats_total', help: 'Node lease renewals by result', labels: ['result'] }, () =>
    byLabel('result', beats),
  );
  metrics.counter({ name: 'sweeps_total', help: 'Sweeps by this node' }, () => figures.sweeps);
  metrics.counter(
    { name: 'sweep_ended_total', help: 'Sessions ended by sweeps of this node: expired, or of a lost node' },
    () => figures.sweepEnded,
  );
  metrics.counter(
    {
      name: 'recount_corrections_total',
      help: 'Sessions and counts in Redis put right by recounts of this node; should stay 0',
    },
    () => figures.recountCorrected,
  );
  metrics.gauge(
    { name: 'sweep_lag_seconds', jointly: 'max', help: 'How late the last sweep ended its oldest session or node' },
    () => figures.sweepLagMs / 1_000,
  );
  metrics.gauge(
    { name: 'store_up', jointly: 'min', help: '1 if the store answered the last node lease renewal, else 0' },
    () => Number(health.isUp),
  );
  metrics.counter(
    { name: 'store_unavailable_seconds_total', jointly: 'max', help: 'Seconds without an answer from the store' },
    () => health.downSeconds(),
  );
  metrics.gauge({ name: 'store_in_flight', help: 'Store calls waiting for an answer' }, () => figures.inFlight);
  metrics.counter(
    { name: 'store_errors_total', help: 'Failed store calls by verb and error code', labels: ['verb', 'code'] },
    () => [...figures.errors.values()],
  );
}

function viaOf(owner: Owner): Via {
  if (typeof owner !== 'string') return 'socket';
  // An open never has the owner `none`: only detached sessions do.
  return owner === 'none' ? 'socket' : owner;
}
