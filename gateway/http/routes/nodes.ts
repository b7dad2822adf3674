/** The nodes of the deployment, what each tells of itself, and what the caller may do: for the dashboard. */
import { type Static, Type } from 'typebox';
import { Compile } from 'typebox/compile';
import { SCOPES, type Scope } from '../../auth/identity.ts';
import type { NodeState } from '../../metrics/node-report.ts';
import type { OtherReport } from '../../metrics/node-reports.ts';
import { EXAMPLE_AT } from '../docs/example.ts';
import { count, instant, text } from '../fields.ts';
import { Problem } from '../problem.ts';
import { ok, type Route, route, type Tag } from '../route.ts';
import type { RouteContext } from './context.ts';

const part = (description: string) => Type.Number({ description: `${description}, 0 to 1` });
const durationMs = (description: string) => Type.Number({ description: `${description}, ms` });
const totals = (description: string) => Type.Record(Type.String(), Type.Integer(), { description });

const STATE = {
  version: text('Version of the gateway'),
  startedAt: instant('Start of the process'),
  store: text('Kind of store: memory or redis'),
  transport: Type.Optional(text('Implementation of the sockets; absent without the role gateway')),
  draining: Type.Boolean({ description: 'It is shutting down' }),
  degraded: Type.Boolean({ description: 'Admissions may go unchecked, or changes may be late' }),
  storeUp: Type.Boolean({ description: 'The store answered the last renewal of the lease' }),
  leaseAgeMs: Type.Optional(durationMs('Since the lease was renewed; absent before the first time')),
  storeLatencyMs: Type.Optional(
    durationMs('Mean duration of calls to the store since the report before; absent without calls'),
  ),
  loopBusy: part('Time since the report before in which the event loop was busy'),
  sockets: Type.Optional(
    Type.Object(
      {
        players: count('Sockets of players'),
        dashboards: count('Sockets of dashboards'),
        max: count('Sockets that may be open'),
      },
      { description: 'Absent without the role gateway' },
    ),
  ),
  sessionsHeld: count('Sessions that sockets of this node hold'),
  logLagMs: Type.Optional(
    durationMs('Changes may have waited so long for subscriptions, in quiet times up to 1,000; absent without any'),
  ),
  replicaAgeMs: Type.Optional(durationMs('Age of the copy in memory; absent without one')),
  historyBacklog: Type.Optional(part('Changes kept in the log that the database does not have yet')),
  historyUp: Type.Optional(Type.Boolean({ description: 'The database can be read and written; absent without one' })),
};

const Self = Type.Object(
  {
    nodeId: text('Id of the node; another one after its lease lapsed'),
    ...STATE,
    admissions: totals('Opens of sessions since the start, by result'),
    ended: totals('Sessions that this process ended or moved since the start, by reason'),
  },
  { description: 'The node that answers' },
);

const Report = Type.Object(
  { ...STATE, ageMs: durationMs('Since the node wrote it; 0 of the one that answers') },
  {
    description: 'What the node told of itself; absent of one that told nothing, as a former version, or is not asked',
  },
);
const isReport = Compile(Report);

/** @param found of another process, perhaps of another version. */
function reportOf({ state, ageMs }: OtherReport): Static<typeof Report> | undefined {
  const { leaseAgeMs, ...rest } = (state ?? {}) as NodeState;
  const report = { ...rest, ...(leaseAgeMs !== undefined && { leaseAgeMs: leaseAgeMs + ageMs }), ageMs };
  return isReport.Check(report) ? report : undefined;
}

const Nodes = Type.Object({
  nodes: Type.Array(Type.Object({ nodeId: text('Id of the node'), report: Type.Optional(Report) }), {
    description: 'Nodes whose leases ran at the last beat of the one that answers',
  }),
  self: Self,
  settings: Type.Object(
    {
      maxStreams: count('Sessions of a user without a limit of its own'),
      onLimit: Type.Enum(['reject', 'evict-oldest'], { description: 'What happens above the limit' }),
      nodeLeaseMs: count('Length of a node lease, ms'),
      history: Type.Boolean({ description: 'There is a history' }),
      wsPort: Type.Optional(count('Port of the sockets; absent without the role gateway')),
    },
    { description: 'What the deployment is set to' },
  ),
});

const Identity = Type.Object({
  auth: Type.Enum(['off', 'jwt'], { description: 'Whether credentials are required' }),
  scopes: Type.Array(Type.String(), { description: 'player, read, admin, friends; admin may do everything' }),
  userId: Type.Optional(text('User of the token')),
  machine: Type.Optional(text('Name of the API key')),
});

const NodesQuery = Type.Object({
  reports: Type.Optional(Type.Enum(['all', 'own'], { description: 'Whose reports are given; default all' })),
});
const NO_REPORTS: ReadonlyMap<string, OtherReport> = new Map();

const EXAMPLE_STATE = {
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
};

const tag: Tag = { name: 'Nodes', description: 'The nodes of the deployment, and what the caller may do.' };

export function nodeRoutes({ config, history, reports, wsPort }: RouteContext): Route[] {
  const settings = {
    maxStreams: config.maxStreams,
    onLimit: config.onLimit,
    nodeLeaseMs: config.nodeLeaseMs,
    history: history !== undefined,
    ...(wsPort !== undefined && { wsPort }),
  };
  return [
    route({
      method: 'GET',
      path: '/nodes',
      tag,
      summary: 'List the nodes with what each tells of itself',
      description:
        'Each node tells the others of itself at the rhythm of its beats (3 s by default). Made anew at most once a second, whoever asks. Costs the same at any number of sessions. With `reports=own` the others are listed by their ids alone.',
      problems: [{ code: 'not_found' }],
      examples: [
        {
          title: 'One node',
          response: {
            nodes: [{ nodeId: 'n-1', report: { ...EXAMPLE_STATE, ageMs: 0 } }],
            self: {
              nodeId: 'n-1',
              ...EXAMPLE_STATE,
              admissions: { opened: 12, refused: 1 },
              ended: { evicted: 1, kicked: 1 },
            },
            settings: { maxStreams: 3, onLimit: 'reject', nodeLeaseMs: 10_000, history: true },
          },
        },
      ],
      scope: 'read',
      schema: { query: NodesQuery, response: Nodes },
      async handler({ query }) {
        if (!reports) throw new Problem('not_found', 'This process is no node.');
        const { living, state, ...own } = reports.own();
        const others = query.reports === 'own' ? NO_REPORTS : await reports.others();
        const nodes = living.map((nodeId) => {
          const found = nodeId === own.nodeId ? { state, ageMs: 0 } : others.get(nodeId);
          const report = found && reportOf(found);
          return { nodeId, ...(report && { report }) };
        });
        return ok({ nodes, self: { ...own, ...state }, settings });
      },
    }),
    route({
      method: 'GET',
      path: '/identity',
      tag,
      summary: 'Get who the caller is, and what it may do',
      examples: [{ title: 'Without authentication', response: { auth: 'off', scopes: ['player', 'read', 'admin'] } }],
      scope: 'read',
      schema: { response: Identity },
      async handler({ identity: { userId, machine, scopes } }) {
        const names = (Object.keys(SCOPES) as Scope[]).filter((name) => (scopes & SCOPES[name]) !== 0);
        const who = { ...(userId !== undefined && { userId }), ...(machine !== undefined && { machine }) };
        return ok({ auth: config.auth, scopes: names, ...who });
      },
    }),
  ];
}
