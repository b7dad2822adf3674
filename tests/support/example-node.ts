/** What a node tells of itself, and whom it refused, when the examples of the routes happen. */
import { EXAMPLE_AT } from '../../gateway/http/docs/example.ts';
import type { NodeReport } from '../../gateway/metrics/node-report.ts';
import { RecentRefusals } from '../../gateway/metrics/recent-refusals.ts';

export function exampleReport(): NodeReport {
  return {
    nodeId: 'n-1',
    state: {
      version: '0.1.0',
      startedAt: EXAMPLE_AT - 3_600_000,
      store: 'memory',
      transport: 'ws',
      draining: false,
      degraded: false,
      storeUp: true,
      leaseAgeMs: 1_200,
      storeLatencyMs: 0.4,
      loopBusy: 0.03,
      sockets: { players: 2, dashboards: 1, max: 16_000 },
      sessionsHeld: 2,
      logLagMs: 310,
    },
    admissions: { opened: 12, refused: 1 },
    ended: { evicted: 1, kicked: 1 },
    living: ['n-1'],
  };
}

/** Of cat, who has one session and a limit of one. */
export function exampleRefusals(): RecentRefusals {
  const refusals = new RecentRefusals(() => EXAMPLE_AT - 60_000);
  const startedAt = EXAMPLE_AT - 300_000;
  const expiresAt = EXAMPLE_AT + 28_000;
  const holder = { userId: 'cat', sessionId: 'tv-2', streamId: 'espn', deviceType: 'apple' } as const;
  refusals.add(
    {
      userId: 'cat',
      sessionId: 'tv-3',
      attributes: { streamId: 'abc' },
      owner: 'heartbeat',
      leaseMs: 30_000,
      intent: 'beat',
    },
    {
      outcome: 'refused',
      current: 1,
      max: 1,
      conflicts: [{ ...holder, via: 'heartbeat', startedAt, expiresAt }],
      nextFreeAt: expiresAt,
      displaced: [],
    },
  );
  return refusals;
}
