/** Who watches now: totals, joins and leaves, refusals, tops; and one stream, when one was chosen. */
import { useRef } from 'preact/hooks';
import type { StatsView } from '../protocol/messages.ts';
import { go, hrefOf } from './address.ts';
import { DayChart, Sparkline } from './charts.tsx';
import { number, percent, rate, zoneName } from './format.ts';
import { usePolled, useShared, useTopic } from './hooks.ts';
import { Card, Empty, Failure } from './parts.tsx';
import type { Count, Nodes, Point, TopItem } from './replies.ts';
import { StreamPanel } from './stream.tsx';
import { useCounters, useRates } from './totals.ts';

const TOPS = [
  ['stream', 'Streams'],
  ['deviceType', 'Devices'],
  ['country', 'Countries'],
  ['state', 'States'],
] as const;
type By = (typeof TOPS)[number][0];

/** Statistics come each second over the socket; by HTTP, without one, less often. */
const POLL_MS = 3_000;
const STATES_MS = 10_000;
const HISTORY_MS = 60_000;
/** Five minutes, a value a second. */
const KEPT = 300;

const FIELDS: Record<Exclude<By, 'state'>, 'streams' | 'deviceTypes' | 'countries'> = {
  stream: 'streams',
  deviceType: 'deviceTypes',
  country: 'countries',
};

/** The last values, one for each stamp. */
function useTail(value: number | undefined, stamp: unknown): readonly number[] {
  const tail = useRef<{ stamp: unknown; values: readonly number[] }>({ stamp: undefined, values: [] });
  if (value !== undefined && stamp !== tail.current.stamp) {
    tail.current = { stamp, values: [...tail.current.values.slice(1 - KEPT), value] };
  }
  return tail.current.values;
}

export function Now({ params, nodes }: { params: Readonly<Record<string, string>>; nodes: Nodes | undefined }) {
  const { connection, zone } = useShared();
  const all = useTopic({ topic: 'all', mode: 'interval' });
  const tops = useTopic({ topic: 'stats' });
  const isLive = all?.state === 'live' && all.count !== undefined;
  const polled = usePolled<Count>(isLive ? undefined : '/stats/viewercount', POLL_MS);
  const count = isLive ? all.count : polled.value;
  const stamp = isLive ? (all.interval ?? all.stats) : polled.value;
  const users = useTail(count?.users, stamp);
  const sessions = useTail(count?.sessions, stamp);
  const by = TOPS.find(([name]) => name === params.by)?.[0] ?? 'stream';
  const rates = useRates(isLive ? all.interval : undefined);
  return (
    <>
      <div class="figures">
        <Figure label="Users online" value={count && number(count.users)} values={users} />
        <Figure label="Sessions" value={count && number(count.sessions)} values={sessions} />
        <div class="card figure">
          <h2 class="label">Each second</h2>
          <dl class="pairs">
            <dt>Joins</dt>
            <dd data-of="joins">{rates ? rate(rates.joins) : '–'}</dd>
            <dt>Leaves</dt>
            <dd data-of="leaves">{rates ? rate(rates.leaves) : '–'}</dd>
          </dl>
          {!connection && <p class="note">Needs a socket.</p>}
        </div>
        <Refusals nodes={nodes} />
      </div>
      <div class="columns">
        <Tops
          by={by}
          stats={tops?.stats}
          isLive={tops?.state === 'live'}
          chosen={params.stream}
          total={count?.sessions}
        />
        {params.stream !== undefined ? (
          <StreamPanel key={params.stream} streamId={params.stream} />
        ) : (
          <Day hasHistory={nodes?.settings.history} zone={zone} />
        )}
      </div>
    </>
  );
}

function Figure(props: { label: string; value: string | undefined; values: readonly number[] }) {
  const { label, value, values } = props;
  const range =
    values.length > 1
      ? `, between ${number(Math.min(...values))} and ${number(Math.max(...values))} since the page opened`
      : '';
  return (
    <div class="card figure">
      <h2 class="label">{label}</h2>
      <p class="big" data-of={label}>
        {value ?? '–'}
      </p>
      <Sparkline values={values} label={`${label}: ${value ?? 'not known'}${range}`} />
    </div>
  );
}

const REFUSED = [
  ['refused', 'Limit reached'],
  ['unavailable', 'Store away'],
  ['overloaded', 'Overloaded'],
] as const;
const ENDED = [
  ['evicted', 'Evicted by a newer one'],
  ['replaced', 'Replaced by the user'],
  ['kicked', 'Ended by an operator'],
] as const;

function Refusals({ nodes }: { nodes: Nodes | undefined }) {
  const { admissions, ended } = useCounters(nodes);
  const row = ([key, label]: readonly [string, string], from: Readonly<Record<string, number>> | undefined) => (
    <>
      <dt>{label}</dt>
      <dd>{from ? number(from[key] ?? 0) : '–'}</dd>
    </>
  );
  const shown = REFUSED.filter(([key]) => key === 'refused' || (admissions?.[key] ?? 0) > 0);
  return (
    <div class="card figure">
      <h2 class="label">Refused and evicted</h2>
      <dl class="pairs small">
        {shown.map((each) => row(each, admissions))}
        {ENDED.map((each) => row(each, ended))}
      </dl>
      <p class="note">On this node, since the page opened, at most the last 5 minutes.</p>
    </div>
  );
}

interface TopsProps {
  by: By;
  stats: StatsView | undefined;
  isLive: boolean;
  chosen: string | undefined;
  total: number | undefined;
}

function Tops({ by, stats, isLive, chosen, total }: TopsProps) {
  const pushed = by !== 'state' && isLive && stats ? stats[FIELDS[by]] : undefined;
  const everyMs = by === 'state' ? STATES_MS : POLL_MS;
  const asked = usePolled<{ items: TopItem[] }>(pushed ? undefined : `/stats/top?by=${by}&limit=10`, everyMs);
  const items = pushed ?? asked.value?.items;
  const most = Math.max(1, ...(items ?? []).map(({ sessions }) => sessions));
  const list = useRef<HTMLDivElement>(null);
  const choose = (name: By): void => go('now', { by: name, stream: chosen }, true);
  const move = (event: KeyboardEvent): void => {
    const at = TOPS.findIndex(([name]) => name === by);
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step === undefined) return;
    const next = TOPS[(at + step + TOPS.length) % TOPS.length] as (typeof TOPS)[number];
    choose(next[0]);
    list.current?.querySelector<HTMLElement>(`#tab-${next[0]}`)?.focus();
  };
  return (
    <section class="card" aria-label="Most watched">
      <header>
        <h2>Most watched</h2>
        <div class="tabs" role="tablist" aria-label="Count by" ref={list} onKeyDown={move}>
          {TOPS.map(([name, label]) => (
            <button
              key={name}
              id={`tab-${name}`}
              type="button"
              role="tab"
              aria-selected={name === by}
              aria-controls="tops"
              tabIndex={name === by ? 0 : -1}
              onClick={() => choose(name)}
            >
              {label}
            </button>
          ))}
        </div>
      </header>
      <div id="tops" role="tabpanel" aria-labelledby={`tab-${by}`}>
        {asked.error && !items && <Failure error={asked.error} what="The list" />}
        {items?.length === 0 && <Empty>Nobody watches now.</Empty>}
        {items && items.length > 0 && (
          <table class="tops">
            <thead>
              <tr>
                <th scope="col">
                  {TOPS.find(([name]) => name === by)?.[1]
                    .replace(/ies$/, 'y')
                    .replace(/s$/, '')}
                </th>
                <th scope="col" class="number">
                  Users
                </th>
                <th scope="col" class="number">
                  Sessions
                </th>
                <th scope="col" class="number">
                  Share
                </th>
              </tr>
            </thead>
            <tbody>
              {items.map(({ key, users, sessions }) => (
                <tr key={key} aria-current={by === 'stream' && key === chosen ? 'true' : undefined}>
                  <th scope="row">
                    {by === 'stream' ? (
                      <a class="id" href={hrefOf('now', { stream: key })}>
                        {key}
                      </a>
                    ) : (
                      <span class="id">{key.replace('/', ' / ')}</span>
                    )}
                    <span class="bar" style={{ width: `${(sessions / most) * 100}%` }} />
                  </th>
                  <td class="number">{number(users)}</td>
                  <td class="number">{number(sessions)}</td>
                  <td class="number muted">{total ? percent(sessions / total) : '–'}</td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </div>
    </section>
  );
}

function Day({ hasHistory, zone }: { hasHistory: boolean | undefined; zone: string }) {
  const path = hasHistory ? '/history/concurrency?stepMs=300000' : undefined;
  const { value, error } = usePolled<{ points: Point[] }>(path, HISTORY_MS);
  const points = value?.points;
  return (
    <Card title="Last 24 hours" aside={<span class="note">{zoneName(zone)}</span>}>
      {hasHistory === false && <Empty>This server keeps no history. Set DATABASE_URL to see the day here.</Empty>}
      {error && <Failure error={error} what="The day" />}
      {points && points.length < 2 && <Empty>The first points appear some minutes after the start.</Empty>}
      {points && points.length >= 2 && <DayChart points={points} zone={zone} />}
    </Card>
  );
}
