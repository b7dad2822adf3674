/** All nodes of the deployment side by side, and one of them in full. */
import { hrefOf } from './address.ts';
import { duration, moment, number, percent } from './format.ts';
import { usePolled, useShared } from './hooks.ts';
import { Card, Empty, Scroll } from './parts.tsx';
import type { ListedNode, NodeState, Nodes as NodesReply } from './replies.ts';

type Settings = NodesReply['settings'];
type Health = 'good' | 'warn' | 'bad';
interface Fact {
  readonly label: string;
  /** In the table of nodes, where that is another one. */
  readonly short?: string;
  readonly value: string;
  readonly health?: Health;
}

const ALL_MS = 5_000;
/** A reader of a quiet log hears so seldom that there was nothing. */
const QUIET_LAG_MS = 1_500;

const ms = (value: number | undefined): string =>
  value === undefined
    ? '–'
    : value < 10
      ? `${value.toFixed(1)} ms`
      : value < 1_000
        ? `${Math.round(value)} ms`
        : duration(value);

const above = (value: number, warn: number, bad: number): Health =>
  value > bad ? 'bad' : value > warn ? 'warn' : 'good';

function loadOf({ sockets, sessionsHeld, loopBusy }: NodeState): Fact[] {
  const used = sockets ? (sockets.players + sockets.dashboards) / sockets.max : 0;
  return [
    { label: 'Sockets of players', short: 'Players', value: sockets ? number(sockets.players) : 'no gateway' },
    { label: 'Sockets of dashboards', short: 'Dashboards', value: sockets ? number(sockets.dashboards) : '–' },
    {
      label: 'Share of its socket limit',
      short: 'Sockets used',
      value: sockets ? percent(used) : '–',
      health: above(used, 0.75, 0.9),
    },
    { label: 'Sessions held', short: 'Sessions', value: number(sessionsHeld) },
    { label: 'Event loop busy', short: 'Event loop', value: percent(loopBusy), health: above(loopBusy, 0.7, 0.9) },
  ];
}

function storeOf(state: NodeState, { nodeLeaseMs }: Settings): Fact[] {
  const { leaseAgeMs, storeUp, storeLatencyMs, logLagMs, replicaAgeMs } = state;
  return [
    {
      label: 'Lease renewed',
      short: 'Lease',
      value: leaseAgeMs === undefined ? 'never' : `${ms(leaseAgeMs)} ago`,
      health:
        !storeUp || (leaseAgeMs ?? 0) > nodeLeaseMs ? 'bad' : above(leaseAgeMs ?? 0, nodeLeaseMs / 2, nodeLeaseMs),
    },
    {
      label: 'Mean call to the store',
      short: 'Store call',
      value: ms(storeLatencyMs),
      health: above(storeLatencyMs ?? 0, 20, 100),
    },
    {
      label: 'Log lag',
      value: logLagMs === undefined ? 'no reader' : logLagMs < QUIET_LAG_MS ? 'none' : duration(logLagMs),
      health: above(logLagMs ?? 0, 5_000, 30_000),
    },
    { label: 'Copy in memory', short: 'Copy', value: replicaAgeMs === undefined ? 'none' : `${ms(replicaAgeMs)} old` },
  ];
}

function historyOf({ historyUp, historyBacklog }: NodeState): Fact[] {
  return [
    {
      label: 'Database',
      value: historyUp === undefined ? 'not used here' : historyUp ? 'answers' : 'away',
      health: historyUp === false ? 'bad' : 'good',
    },
    {
      label: 'Backlog',
      value: historyBacklog === undefined ? 'others write' : `${percent(historyBacklog)} of the log`,
      health: above(historyBacklog ?? 0, 0.3, 0.8),
    },
  ];
}

function stateOf(state: NodeState | undefined): { word: string; health: Health | '' } {
  if (!state) return { word: 'No report', health: '' };
  if (state.draining) return { word: 'Draining', health: 'warn' };
  return state.degraded ? { word: 'Degraded', health: 'bad' } : { word: 'Healthy', health: 'good' };
}

const WORDS: Record<Health, string> = { good: 'good', warn: 'look at it', bad: 'bad' };

function Value({ fact: { value, health } }: { fact: Fact }) {
  return (
    <>
      {health && health !== 'good' && <span class={`dot ${health}`} role="img" aria-label={WORDS[health]} />}
      {value}
    </>
  );
}

function Facts({ title, facts }: { title: string; facts: readonly Fact[] }) {
  return (
    <div>
      <h3>{title}</h3>
      <dl class="pairs rows">
        {facts.map((fact) => (
          <>
            <dt>{fact.label}</dt>
            <dd>
              <Value fact={fact} />
            </dd>
          </>
        ))}
      </dl>
    </div>
  );
}

function Badge({ state }: { state: NodeState | undefined }) {
  const { word, health } = stateOf(state);
  return <span class={`badge ${health}`}>{word}</span>;
}

function NodeCard({ nodeId, state, settings }: { nodeId: string; state: NodeState; settings: Settings }) {
  const { zone } = useShared();
  const { store, storeUp } = state;
  return (
    <Card title={`Node ${nodeId}`} wide aside={<Badge state={state} />}>
      <p class="summary">
        Version <b>{state.version}</b> · transport <b>{state.transport ?? 'none'}</b> · started{' '}
        <b>{moment(state.startedAt, zone)}</b> · store <b>{store === 'memory' ? 'embedded' : store}</b>,{' '}
        {storeUp ? 'answers' : <b>away</b>}
      </p>
      <div class="thirds">
        <Facts title="Load" facts={loadOf(state)} />
        <Facts title="Store" facts={storeOf(state, settings)} />
        <Facts title="History" facts={settings.history ? historyOf(state) : [NO_HISTORY]} />
      </div>
    </Card>
  );
}

const NO_HISTORY: Fact = { label: 'History', value: 'none: set DATABASE_URL' };

/** Of a row of the table. */
const cellsOf = (state: NodeState, settings: Settings): Fact[] => [
  ...loadOf(state),
  ...storeOf(state, settings),
  ...historyOf(state).slice(1),
];

function NodeRow({ node, settings, isChosen }: { node: ListedNode; settings: Settings; isChosen: boolean }) {
  const { nodeId, report } = node;
  const { zone } = useShared();
  return (
    <tr aria-current={isChosen ? 'true' : undefined}>
      <th scope="row">
        <a class="id" href={hrefOf('nodes', { node: isChosen ? undefined : nodeId })}>
          {nodeId}
        </a>
        <span class="sub">
          {report ? `${report.version}, since ${moment(report.startedAt, zone)}` : 'version not known'}
        </span>
      </th>
      <td class="action">
        <Badge state={report} />
      </td>
      {(report ? cellsOf(report, settings) : []).map((fact) => (
        <td key={fact.label} class="number" data-label={fact.short ?? fact.label}>
          <Value fact={fact} />
        </td>
      ))}
    </tr>
  );
}

/** @param nodes with the report of the node that answers; those of all are asked for while this is seen. */
export function Nodes({ nodes, params }: { nodes: NodesReply | undefined; params: Readonly<Record<string, string>> }) {
  const asked = usePolled<NodesReply>('/nodes', ALL_MS);
  const shown = asked.value ?? nodes;
  if (!shown) return <Empty>No node has answered yet.</Empty>;
  const { self, settings } = shown;
  const list = [...shown.nodes].sort((a, b) => (a.nodeId < b.nodeId ? -1 : 1));
  const chosen = list.find(({ nodeId }) => nodeId === params.node)?.report;
  const { maxStreams, onLimit } = settings;
  return (
    <>
      {list.length > 1 && (
        <Card title="Nodes" wide aside={<span class="note">{number(list.length)} with a running lease</span>}>
          <Scroll label="List of nodes" tall>
            <table class="stacked nodes">
              <thead>
                <tr>
                  <th scope="col">Node</th>
                  <th scope="col" class="action">
                    State
                  </th>
                  {cellsOf(self, settings).map(({ label, short }) => (
                    <th key={label} scope="col" class="number">
                      {short ?? label}
                    </th>
                  ))}
                </tr>
              </thead>
              <tbody>
                {list.map((node) => (
                  <NodeRow key={node.nodeId} node={node} settings={settings} isChosen={node.nodeId === params.node} />
                ))}
              </tbody>
            </table>
          </Scroll>
        </Card>
      )}
      {list.length === 1 && <NodeCard nodeId={self.nodeId} state={self} settings={settings} />}
      {list.length > 1 && chosen && <NodeCard nodeId={params.node ?? ''} state={chosen} settings={settings} />}
      <p class="note">
        At most {maxStreams} sessions a user; above that{' '}
        {onLimit === 'reject' ? 'the newest is refused' : 'the oldest is evicted'}.{' '}
        {list.length > 1
          ? 'Choose a node to see it in full.'
          : self.store === 'memory'
            ? 'The embedded store belongs to one process. With REDIS_URL any number of nodes share one store, and all are listed here.'
            : 'This node is alone.'}
      </p>
    </>
  );
}
