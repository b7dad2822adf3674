/** What happens, as it happens: filtered, and paused when one wants to read. */
import { useRef, useState } from 'preact/hooks';
import type { PresenceSubscription } from '../client/index.ts';
import type { ChangeView } from '../protocol/messages.ts';
import { go } from './address.ts';
import { pathOf } from './api.ts';
import { clockWithSeconds, deviceName, number, place } from './format.ts';
import { usePolled, useShared, useTopic } from './hooks.ts';
import { Card, Empty, Scroll, StreamLink, UserLink } from './parts.tsx';
import type { Count } from './replies.ts';

const KINDS = [
  ['', 'All'],
  ['open', 'Joins'],
  ['update', 'Switches'],
  ['close', 'Leaves'],
] as const;

/** The feed begins with all sessions of its topic: of more than so many it is not asked for. */
const SESSIONS_MAX = 5_000;
const KEPT = 500;
const SHOWN = 200;

/** Each goes on with the stream. */
const REASONS: Record<string, string> = {
  left: 'left',
  timeout: 'lost the connection to',
  node_lost: 'lost its gateway while on',
  evicted: 'was evicted from',
  replaced: 'was replaced on',
  kicked: 'was stopped by an operator on',
};

function Sentence({ change }: { change: ChangeView }) {
  const { kind, userId, streamId, previous, reason } = change;
  const user = <UserLink userId={userId} />;
  if (kind === 'close') {
    return (
      <>
        {user} {REASONS[reason ?? 'left'] ?? reason} <StreamLink streamId={streamId} />
        {change.offline && <span class="badge">offline</span>}
      </>
    );
  }
  if (kind === 'open') {
    return (
      <>
        {user} joined <StreamLink streamId={streamId} />
        {change.online && <span class="badge good">online</span>}
      </>
    );
  }
  return previous ? (
    <>
      {user} switched from <StreamLink streamId={previous.streamId} /> to <StreamLink streamId={streamId} />
    </>
  ) : (
    <>
      {user} changed on <StreamLink streamId={streamId} />
    </>
  );
}

export function Live({ params }: { params: Readonly<Record<string, string>> }) {
  const { connection, zone } = useShared();
  const { user, stream, kind = '' } = params;
  const topic = user ? `user:${user}` : stream ? `stream:${stream}` : 'all';
  const counting = stream ? pathOf('/stats/viewercount/streams', { streamId: stream }) : '/stats/viewercount';
  const counted = usePolled<Count>(user ? undefined : counting, 30_000);
  const isSmall = user !== undefined || (counted.value !== undefined && counted.value.sessions <= SESSIONS_MAX);
  const changes = useRef<{ topic: string; list: (ChangeView & { number: number })[]; seen: number }>({
    topic,
    list: [],
    seen: 0,
  });
  if (changes.current.topic !== topic) changes.current = { topic, list: [], seen: 0 };
  const listen = (subscription: PresenceSubscription): void => {
    const mine = changes.current;
    subscription.on('change', (change) => {
      mine.seen += 1;
      mine.list.unshift({ ...change, number: mine.seen });
      if (mine.list.length > KEPT) mine.list.length = KEPT;
    });
  };
  const subscription = useTopic(
    isSmall ? { topic, mode: 'auto', listen } : counted.value ? { topic, mode: 'interval' } : {},
  );
  const [paused, setPaused] = useState<readonly (ChangeView & { number: number })[]>();
  const set = (next: Readonly<Record<string, string | undefined>>): void =>
    go('live', { user, stream, kind, ...next }, true);
  const filter = (event: SubmitEvent): void => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const text = (name: string): string => String(form.get(name) ?? '').trim();
    const wanted = text('user');
    setPaused(undefined);
    set({ user: wanted, stream: wanted ? undefined : text('stream') });
  };
  const list = (paused ?? changes.current.list).filter((change) => kind === '' || change.kind === kind).slice(0, SHOWN);
  const interval = subscription?.interval;
  const isSummarised = subscription?.state === 'live' && !subscription.complete && interval !== undefined;
  const waiting = paused ? changes.current.seen - (paused[0]?.number ?? 0) : 0;
  return (
    <>
      <form class="search" onSubmit={filter}>
        <label for="live-user">User</label>
        <input
          id="live-user"
          name="user"
          key={`u${user}`}
          defaultValue={user ?? ''}
          placeholder="all"
          autocomplete="off"
        />
        <label for="live-stream">Stream</label>
        <input
          id="live-stream"
          name="stream"
          key={`s${stream}`}
          defaultValue={stream ?? ''}
          placeholder="all"
          autocomplete="off"
        />
        <button type="submit" class="primary">
          Filter
        </button>
      </form>
      <Card
        title="Changes"
        wide
        aside={
          <div class="buttons">
            <label class="inline">
              Show{' '}
              <select value={kind} onChange={(event) => set({ kind: event.currentTarget.value })}>
                {KINDS.map(([value, label]) => (
                  <option key={value} value={value}>
                    {label}
                  </option>
                ))}
              </select>
            </label>
            <button
              type="button"
              aria-pressed={paused !== undefined}
              onClick={() => setPaused(paused ? undefined : [...changes.current.list])}
            >
              {paused ? `Go on${waiting > 0 ? ` (${number(waiting)} new)` : ''}` : 'Pause'}
            </button>
          </div>
        }
      >
        {!connection && <Empty>The feed comes by the socket, which cannot be reached.</Empty>}
        {isSummarised && interval && (
          <p class="summary" role="status">
            <b>{number(interval.opened)}</b> joined and <b>{number(interval.closed)}</b> left in the last second:{' '}
            {isSmall ? 'too fast to read.' : `with more than ${number(SESSIONS_MAX)} sessions the feed is not shown.`}{' '}
            Filter by a user or a stream.
          </p>
        )}
        {!isSummarised && list.length === 0 && connection && <Empty>Nothing has happened since you looked.</Empty>}
        {list.length > 0 && (
          <Scroll label="Feed" tall>
            <ol class="feed">
              {list.map((change) => (
                <li key={change.number} class={change.kind}>
                  <time dateTime={new Date(change.at).toISOString()}>{clockWithSeconds(change.at, zone)}</time>
                  <span class="what">
                    <Sentence change={change} />
                  </span>
                  <span class="muted">{change.kind === 'close' && !change.deviceType ? '' : deviceName(change)}</span>
                  <span class="muted">{place(change)}</span>
                </li>
              ))}
            </ol>
          </Scroll>
        )}
      </Card>
    </>
  );
}
