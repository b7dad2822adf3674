/** One stream: who watches it, since when, from where; of a large one only how many. */
import type { PresenceSubscription } from '../client/index.ts';
import { hrefOf } from './address.ts';
import { pathOf } from './api.ts';
import { deviceName, duration, moment, number, place } from './format.ts';
import { useNow, usePolled, useShared, useTopic } from './hooks.ts';
import { Card, Empty, Failure, Scroll, UserLink } from './parts.tsx';
import type { Count } from './replies.ts';

/** Of a stream with more sessions the list is not asked for: a thousand sessions are 200 KB. */
const LIST_MAX = 2_000;
const SHOWN_MAX = 100;
const POLL_MS = 10_000;

export function StreamPanel({ streamId }: { streamId: string }) {
  const { connection } = useShared();
  const counted = usePolled<Count>(pathOf('/stats/viewercount/streams', { streamId }), POLL_MS);
  const size = counted.value?.sessions;
  const mode = size === undefined ? undefined : size > LIST_MAX ? 'interval' : 'auto';
  const topic = useTopic(mode ? { topic: `stream:${streamId}`, mode } : {});
  const count = topic?.count ?? counted.value;
  const aside = (
    <a class="button" href={hrefOf('now')}>
      Close
    </a>
  );
  return (
    <Card title={`Stream ${streamId}`} aside={aside}>
      {counted.error && !count && <Failure error={counted.error} what="The stream" />}
      {count && (
        <p class="summary">
          <b>{number(count.users)}</b> users in <b>{number(count.sessions)}</b> sessions
          {topic?.interval && (
            <>
              {' '}
              · {number(topic.interval.opened)} joined and {number(topic.interval.closed)} left in the last second
            </>
          )}
        </p>
      )}
      {!connection && <Empty>Who watches is told by the socket, which cannot be reached.</Empty>}
      {topic && !topic.complete && count && (
        <Empty>
          {mode === 'interval'
            ? `More than ${number(LIST_MAX)} sessions: only their number is shown.`
            : 'It changes too fast for a list: only the number is shown, until it is calmer.'}
        </Empty>
      )}
      {topic?.complete && <Viewers topic={topic} />}
    </Card>
  );
}

function Viewers({ topic }: { topic: PresenceSubscription }) {
  const { zone } = useShared();
  const now = useNow(10_000);
  const sessions = [...topic.sessions.values()].sort((a, b) => b.startedAt - a.startedAt);
  if (sessions.length === 0) return <Empty>Nobody watches this stream now.</Empty>;
  return (
    <>
      <Scroll label="Viewers">
        <table>
          <thead>
            <tr>
              <th scope="col">User</th>
              <th scope="col">Device</th>
              <th scope="col">Place</th>
              <th scope="col">Since</th>
            </tr>
          </thead>
          <tbody>
            {sessions.slice(0, SHOWN_MAX).map((session) => (
              <tr key={`${session.userId}/${session.sessionId}`}>
                <th scope="row">
                  <UserLink userId={session.userId} />
                </th>
                <td>{deviceName(session)}</td>
                <td>{place(session)}</td>
                <td class="nowrap" title={duration(now - session.startedAt)}>
                  {moment(session.startedAt, zone)}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
      {sessions.length > SHOWN_MAX && (
        <p class="note">
          The newest {SHOWN_MAX} of {number(sessions.length)}.
        </p>
      )}
    </>
  );
}
