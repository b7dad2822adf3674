/** One user: online, on which screens, why refused, what before; and, for admins, what may be done about it. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { go } from './address.ts';
import { ApiError, call, pathOf } from './api.ts';
import { clockWithSeconds, deviceName, duration, moment, number, place, span } from './format.ts';
import { useNow, usePolled, useShared, useTopic } from './hooks.ts';
import { Card, Confirm, type Confirmation, Empty, Failure, Scroll, StreamLink } from './parts.tsx';
import type { LiveSession, Nodes, PastSession, Refusal, Usage } from './replies.ts';

const POLL_MS = 5_000;
/** Of what changes by the user's own acts: asked anew when the socket tells of one, too. */
const SLOW_MS = 30_000;
const DAYS_30_MS = 30 * 86_400_000;
const AFTER_CHANGE_MS = 300;
/** More are told by their number alone. */
const SLOTS = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];

export function Person({ params, nodes }: { params: Readonly<Record<string, string>>; nodes: Nodes | undefined }) {
  const { user } = params;
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (user === undefined) input.current?.focus();
  }, [user]);
  const search = (event: SubmitEvent): void => {
    event.preventDefault();
    const wanted = input.current?.value.trim();
    if (wanted) go('person', { user: wanted });
  };
  return (
    <>
      <form class="search" onSubmit={search}>
        <label for="user">User id</label>
        <input
          id="user"
          ref={input}
          key={user}
          defaultValue={user ?? ''}
          autocomplete="off"
          spellcheck={false}
          required
        />
        <button type="submit" class="primary">
          Show
        </button>
      </form>
      {user === undefined ? (
        <Empty>Enter a user id, exactly as your tokens have it: upper and lower case differ.</Empty>
      ) : (
        <About key={user} userId={user} nodes={nodes} />
      )}
    </>
  );
}

function whereFrom(max: number, override: number | null | undefined, nodes: Nodes | undefined): string {
  if (override !== undefined && override !== null) return 'set for this user by an operator';
  const standard = nodes?.settings.maxStreams;
  if (override === undefined || standard === undefined) return '';
  return max === standard ? 'the default of this deployment' : 'from the token of the newest session';
}

function About({ userId, nodes }: { userId: string; nodes: Nodes | undefined }) {
  const { zone, isAdmin } = useShared();
  const status = usePolled<{ online: boolean; lastSeenAt: number | null }>(pathOf('/status/user', { userId }), POLL_MS);
  const usage = usePolled<Usage>(pathOf('/concurrency/user', { userId }), POLL_MS);
  const limit = usePolled<{ max: number | null }>(pathOf('/limits', { userId }), SLOW_MS);
  const refusals = usePolled<{ refusals: Refusal[] }>(pathOf('/refusals', { userId }), POLL_MS);
  const from = useRef(Math.floor((Date.now() - DAYS_30_MS) / 60_000) * 60_000).current;
  const past = usePolled<{ sessions: PastSession[]; cursor?: string }>(
    nodes?.settings.history ? pathOf('/history/sessions', {}, { userId, from: String(from), limit: '100' }) : undefined,
    SLOW_MS,
  );
  const refresh = (): void => {
    for (const each of [status, usage, limit, refusals]) each.refresh();
  };
  const latest = useRef(refresh);
  latest.current = refresh;
  useTopic({
    topic: `user:${userId}`,
    listen(subscription) {
      let isDue = false;
      subscription.on('change', () => {
        if (isDue) return;
        isDue = true;
        setTimeout(() => {
          isDue = false;
          latest.current();
        }, AFTER_CHANGE_MS);
      });
    },
  });
  const [confirmation, setConfirmation] = useState<Confirmation>();
  const ask = (what: Omit<Confirmation, 'act'>, act: Confirmation['act']): void => setConfirmation({ ...what, act });

  const error = usage.error ?? status.error;
  if (!usage.value || !status.value) {
    return error ? <Failure error={error} what="This user" /> : <Empty>Asking…</Empty>;
  }
  const { current, max, sessions } = usage.value;
  const { online, lastSeenAt } = status.value;
  const endAll = (): void =>
    ask(
      {
        title: `End all sessions of ${userId}?`,
        text: `${number(current)} will stop within a second.`,
        verb: 'End all',
      },
      (reason) => call('DELETE', pathOf('/sessions', { userId }, { reason })),
    );
  const endOne = (session: LiveSession): void =>
    ask(
      {
        title: `End the session on ${deviceName(session)}?`,
        text: `${userId} watches ${session.streamId ?? 'no stream'} there. It stops within a second.`,
        verb: 'End session',
      },
      (reason) => call('DELETE', pathOf('/sessions', { userId, sessionId: session.sessionId }, { reason })),
    );
  const setLimit = (): void =>
    ask(
      {
        title: `Set the limit of ${userId}`,
        text: 'It counts from the next session on; sessions that are live stay.',
        verb: 'Set limit',
        max,
      },
      (reason, wanted) => call('PUT', pathOf('/limits', { userId }, { reason }), { max: wanted }),
    );
  const removeLimit = (): void =>
    ask(
      { title: `Remove the limit of ${userId}?`, text: 'The default counts again.', verb: 'Remove limit' },
      (reason) => call('DELETE', pathOf('/limits', { userId }, { reason })),
    );
  const hasOverride = limit.value?.max != null;
  return (
    <>
      <Card
        title={userId}
        wide
        aside={<span class={`badge ${online ? 'good' : ''}`}>{online ? 'Online' : 'Offline'}</span>}
      >
        <div class="person">
          <p class="summary">
            <b class="big">
              {number(current)} of {number(max)}
            </b>
            <span class="slots" aria-hidden="true">
              {SLOTS.slice(0, max).map((slot) => (
                <i key={slot} class={slot <= current ? 'used' : ''} />
              ))}
            </span>
            <span>
              sessions in use · the limit is {whereFrom(max, limit.value?.max, nodes) || `${number(max)}`}
              {!online &&
                ` · last seen ${lastSeenAt === null ? 'never, or more than a day ago' : moment(lastSeenAt, zone)}`}
            </span>
          </p>
          {isAdmin ? (
            <div class="buttons">
              <button type="button" onClick={setLimit}>
                Set limit…
              </button>
              {hasOverride && (
                <button type="button" onClick={removeLimit}>
                  Remove limit…
                </button>
              )}
              <button type="button" class="danger" disabled={current === 0} onClick={endAll}>
                End all…
              </button>
            </div>
          ) : (
            <p class="note">Read-only: ending sessions and setting limits needs a token or key of scope admin.</p>
          )}
        </div>
        {sessions.length === 0 ? (
          <Empty>{online ? 'Online without a session: nothing plays.' : 'No session is live.'}</Empty>
        ) : (
          <Sessions sessions={sessions} end={isAdmin ? endOne : undefined} />
        )}
      </Card>
      <div class="columns">
        <Card title="Last refusals" aside={<span class="note">by this node</span>}>
          <Refusals answer={refusals.value?.refusals} error={refusals.error} />
        </Card>
        <Card title="Last 30 days">
          {nodes?.settings.history === false && <Empty>This server keeps no history.</Empty>}
          {past.error && !past.value && <Failure error={past.error} what="The history" />}
          {past.value && <Past rows={past.value.sessions} hasMore={past.value.cursor !== undefined} />}
        </Card>
      </div>
      {confirmation && <Acting confirmation={confirmation} close={() => setConfirmation(undefined)} done={refresh} />}
    </>
  );
}

function Acting({ confirmation, close, done }: { confirmation: Confirmation; close: () => void; done: () => void }) {
  const [error, setError] = useState<string>();
  const [isBusy, setBusy] = useState(false);
  const act = async (reason: string, max: number): Promise<void> => {
    setBusy(true);
    try {
      await confirmation.act(reason, max);
      close();
      done();
    } catch (cause) {
      setError(cause instanceof ApiError ? cause.message : String(cause));
      setBusy(false);
    }
  };
  return <Confirm {...confirmation} act={act} error={error} isBusy={isBusy} close={close} />;
}

const HELD: Record<string, string> = {
  socket: 'Socket',
  heartbeat: 'Heartbeats',
  guard: 'Guard',
  presence: 'Presence',
};

function Sessions({
  sessions,
  end,
}: {
  sessions: readonly LiveSession[];
  end: ((session: LiveSession) => void) | undefined;
}) {
  const { zone } = useShared();
  const now = useNow(1_000);
  return (
    <Scroll label="Live sessions" tall>
      <table class="stacked">
        <thead>
          <tr>
            <th scope="col">Device</th>
            <th scope="col">Stream</th>
            <th scope="col">Place</th>
            <th scope="col">Since</th>
            <th scope="col">Held by</th>
            <th scope="col">Ends unless renewed</th>
            {end && (
              <th scope="col">
                <span class="hidden">Action</span>
              </th>
            )}
          </tr>
        </thead>
        <tbody>
          {sessions.map((session) => (
            <tr key={session.sessionId}>
              <th scope="row">
                {deviceName(session)}
                <span class="sub id">{session.sessionId}</span>
              </th>
              <td data-label="Stream">
                <StreamLink streamId={session.streamId} />
              </td>
              <td data-label="Place">{place(session)}</td>
              <td class="nowrap" data-label="Since">
                {moment(session.startedAt, zone)}
                <span class="sub">{duration(now - session.startedAt)}</span>
              </td>
              <td data-label="Held by">
                {session.detached ? 'Nobody: connection lost' : (HELD[session.via] ?? session.via)}
              </td>
              <td class="nowrap" data-label="Ends unless renewed">
                {session.expiresAt > now ? `in ${duration(session.expiresAt - now)}` : 'now'}
                <span class="sub">{clockWithSeconds(session.expiresAt, zone)}</span>
              </td>
              {end && (
                <td class="action">
                  <button
                    type="button"
                    class="danger"
                    aria-label={`End… ${deviceName(session)}`}
                    onClick={() => end(session)}
                  >
                    End…
                  </button>
                </td>
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

function Refusals({ answer, error }: { answer: readonly Refusal[] | undefined; error: ApiError | undefined }) {
  const { zone } = useShared();
  if (!answer) return error ? <Failure error={error} what="The refusals" /> : <Empty>Asking…</Empty>;
  if (answer.length === 0) return <Empty>None since this node started.</Empty>;
  return (
    <ul class="lines">
      {answer.map(({ at, streamId, deviceType, current, max, conflicts }) => (
        <li key={at}>
          <b>Refused at {moment(at, zone)}</b>: {current} of {max} in use by{' '}
          {conflicts.map((each) => `${deviceName(each)}${each.streamId ? ` (${each.streamId})` : ''}`).join(', ')}.
          <span class="sub">
            Wanted {streamId ?? 'no stream'}
            {deviceType && ` on ${deviceType}`}
          </span>
        </li>
      ))}
    </ul>
  );
}

const ENDS: Record<string, string> = {
  left: 'Left',
  timeout: 'Connection lost',
  node_lost: 'Gateway lost',
  evicted: 'Evicted',
  replaced: 'Replaced',
  kicked: 'Ended by an operator',
  switched: 'Switched stream',
};

function Past({ rows, hasMore }: { rows: readonly PastSession[]; hasMore: boolean }) {
  const { zone } = useShared();
  if (rows.length === 0) return <Empty>Nothing was watched.</Empty>;
  return (
    <>
      <Scroll label="History">
        <table class="stacked">
          <thead>
            <tr>
              <th scope="col">When</th>
              <th scope="col">Stream</th>
              <th scope="col">Device</th>
              <th scope="col" class="number">
                Watched
              </th>
              <th scope="col">End</th>
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <tr key={`${row.sessionId} ${row.startedAt}`}>
                <th scope="row" class="nowrap">
                  {span(row.startedAt, row.endedAt, zone)}
                </th>
                <td data-label="Stream">
                  <StreamLink streamId={row.streamId} />
                </td>
                <td data-label="Device">{deviceName(row)}</td>
                <td class="number nowrap" data-label="Watched">
                  {duration(row.watchedMs)}
                </td>
                <td data-label="End">{ENDS[row.reason] ?? row.reason}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
      {hasMore && <p class="note">The newest {rows.length}. All of them: GET /history/sessions.</p>}
    </>
  );
}
