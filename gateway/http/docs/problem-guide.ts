/** What /docs says of each problem code: what causes it, what helps, and an example of the server's own words. */
import type { ProblemMembers } from '../../problem.ts';
import type { ProblemCode } from '../../protocol/problems.ts';
import { EXAMPLE_AT } from './example.ts';
import { ORIGIN } from './place.ts';

export interface ProblemGuide {
  /** Each a sentence. `…` in backquotes is shown as code. */
  readonly causes: readonly string[];
  readonly cures: readonly string[];
  /** What the socket does besides its `error`; undefined: the code is not sent over sockets. */
  readonly socket?: string;
  readonly example: {
    /** POSIX shell; the variable TOKEN has a token. */
    readonly command: string;
    /** What must be so besides. */
    readonly when?: string;
    readonly detail: string;
    readonly status?: number;
    readonly members?: ProblemMembers;
    readonly headers?: Readonly<Record<string, string>>;
  };
}

const RETRIED = 'Before the welcome it is closed with 4100, later it stays open. The SDK tries again by itself.';

export const PROBLEM_GUIDES: Readonly<Record<ProblemCode, ProblemGuide>> = {
  invalid_request: {
    causes: [
      'A field is missing, has another type, or a value that is not allowed: `errors` names each of them.',
      'The body is no JSON object, or arrived in part only.',
      'An id that has white space, or is too long.',
    ],
    cures: [
      'Correct the fields in `errors`, and send the request again. The same request fails again.',
      'Percent-encode ids in URLs; in shells put the URL in quotes.',
    ],
    socket: 'Before the welcome it is closed with 4000, later it stays open.',
    example: {
      command: `curl -X POST ${ORIGIN}/heartbeat -H 'content-type: application/json' -d '{"userId":"ann","sessionId":7}'`,
      detail: 'sessionId must be a string',
      members: { errors: [{ path: 'sessionId', message: 'must be a string' }] },
    },
  },
  timestamp_out_of_range: {
    causes: [
      'The `timestamp` of an event is more than 24 hours old, or more than 5 minutes ahead of the server’s clock.',
    ],
    cures: [
      'Send the time in epoch milliseconds, not seconds.',
      'Correct the clock of the device, or send the time of sending instead.',
      'Events that waited for more than a day are not counted: drop them.',
    ],
    example: {
      command: `curl -X POST '${ORIGIN}/analytics?timestamp=1700000000000&user=ann&event=click'`,
      detail: 'The timestamp must be at most 24 hours old and at most 5 minutes in the future.',
    },
  },
  unauthenticated: {
    causes: [
      'The server runs with `AUTH=jwt`, and the request has neither a token nor an API key.',
      'The token has expired, is signed with another key, or lacks `sub` or `exp`.',
      'The API key is not in `API_KEYS`.',
      'Over a socket: a resume token whose session is over.',
    ],
    cures: [
      'Send `authorization: Bearer …` or `x-api-key: …`; over a socket `token` in the hello.',
      'Fetch a new token and try again. The header `www-authenticate` says what is wrong with the one that was sent.',
      'Compare the clocks of the issuer and the server (`JWT_CLOCK_TOLERANCE_S`).',
    ],
    socket: 'It is closed with 4001.',
    example: {
      command: `curl ${ORIGIN}/online`,
      when: 'AUTH=jwt',
      detail: 'Send a token (authorization: Bearer …) or an API key (x-api-key).',
      headers: { 'www-authenticate': 'Bearer realm="presence"' },
    },
  },
  forbidden: {
    causes: [
      'The token is valid, and lacks the scope that the route needs.',
      'A player names another user than the one of its token.',
      'The browser’s page is of an origin that is not in `ALLOWED_ORIGINS`.',
      'Without authentication on loopback: the request came under a name that is not in `ALLOWED_HOSTS`.',
    ],
    cures: [
      'Issue the token with the scope that `detail` names.',
      'Leave the user out: it is taken from the token.',
      'Add the origin to `ALLOWED_ORIGINS`, or the host to `ALLOWED_HOSTS`.',
    ],
    socket: 'As the answer to a hello or a refresh it is closed with 4003; a refused topic leaves it open.',
    example: {
      command: `curl '${ORIGIN}/stats/top?by=stream' -H "authorization: Bearer $TOKEN"`,
      when: 'AUTH=jwt, and the token has the scope presence:player',
      detail: 'Scope presence:read is required.',
    },
  },
  not_found: {
    causes: [
      'No route has this path.',
      'The guard has ended, or is of another user.',
      'The history is off (`DATABASE_URL=none`), or the page of this name does not exist.',
    ],
    cures: [
      'Compare the path with these pages.',
      'After a guard has ended, open another one with `POST /guards`.',
      'Set `DATABASE_URL` to have a history.',
    ],
    example: {
      command: `curl -X PATCH ${ORIGIN}/guards/2b9d7c52-5d0e-4c5e-9d8a-3c1f6b7a2e10 -H 'x-user-id: ann'`,
      detail: 'This user has no such guard: it may have expired. Create a new one.',
      members: { errorCode: 'GUARD_DOES_NOT_EXIST' },
    },
  },
  method_not_allowed: {
    causes: ['The path exists, and not with this method.'],
    cures: ['Use one of the methods in the header `allow`.'],
    example: {
      command: `curl -X POST ${ORIGIN}/online`,
      detail: 'POST is not allowed here. Allowed: GET, HEAD, OPTIONS.',
      headers: { allow: 'GET, HEAD, OPTIONS' },
    },
  },
  concurrency_limit: {
    causes: [
      'The user already has as many sessions as allowed, and `ON_LIMIT` is `reject`.',
      'A device that lost its connection still holds its slot, for the resume grace (10 s): it has `detached` in `conflicts`.',
    ],
    cures: [
      'Show `conflicts` to the user, and let them choose which one to stop: over a socket `hello` with `replace`, with the SDK `connect({ replace: [sessionId] })`.',
      'Or wait until `nextFreeAt`.',
      'Give a device a `deviceId` of its own: after a reload of its page it then takes its own slot back.',
      'Set another limit for this user with `PUT /limits/{userId}`, for all with `MAX_STREAMS`, or let the oldest session go with `ON_LIMIT=evict-oldest`.',
    ],
    socket: 'It is closed with 4009. The SDK does not reconnect, and emits `denied`.',
    example: {
      command: `curl -X POST ${ORIGIN}/heartbeat -H 'content-type: application/json' -d '{"userId":"ann","sessionId":"phone","streamId":"tnt"}'`,
      when: 'MAX_STREAMS=1, and ann watches on another device',
      status: 400,
      detail: 'The user has 1 of 1 allowed sessions: end one to start another.',
      members: {
        max: 1,
        current: 1,
        conflicts: [
          {
            sessionId: 'tv',
            streamId: 'espn',
            deviceType: 'appletv',
            meta: { name: 'Living room' },
            startedAt: EXAMPLE_AT - 600_000,
          },
        ],
        nextFreeAt: EXAMPLE_AT + 22_000,
      },
    },
  },
  session_ended: {
    causes: [
      'The session was ended: by another one at the limit (`evicted`), by its user (`replaced`), by an admin (`kicked`), or it had just left (`left`): `reason` says which.',
    ],
    cures: [
      'Stop playing, and tell the user why.',
      'To play again, begin anew: another `sessionId`, or `fresh: true` in the beat.',
    ],
    example: {
      command: `curl -X POST ${ORIGIN}/heartbeat -H 'content-type: application/json' -d '{"userId":"ann","sessionId":"tv"}'`,
      when: 'an admin has ended the session',
      detail: 'The session was ended: send fresh: true to start it anew, if a slot is free.',
      members: { reason: 'kicked', retryAfterMs: 599_990 },
    },
  },
  payload_too_large: {
    causes: ['The body is longer than the route takes: 65,536 bytes, or what the route says.'],
    cures: ['Ask about fewer ids at once. Do not send what the route does not read.'],
    example: {
      command: `head -c 70000 /dev/zero | curl -X POST ${ORIGIN}/heartbeat -H 'content-type: application/json' --data-binary @-`,
      detail: 'The body must have at most 65536 bytes.',
    },
  },
  uri_too_long: {
    causes: ['The URL has more than 16,384 characters: most often a long list of ids in the query.'],
    cures: ['Send the list with `POST`: `/status/users` and `/concurrency/users` take up to 10,000 ids in a body.'],
    example: {
      command: `curl "${ORIGIN}/status/users?ids=$(printf 'user%05d,' $(seq 2000))ann"`,
      detail: 'The URL must have at most 16384 characters.',
    },
  },
  unsupported_media_type: {
    causes: ['The body is not JSON in UTF-8 by its `content-type`, or it is compressed.'],
    cures: ['Send `content-type: application/json`, without `content-encoding`. `curl -d` alone sends a form.'],
    example: {
      command: `curl -X POST ${ORIGIN}/heartbeat -d '{"userId":"ann"}'`,
      detail: 'Send JSON in UTF-8 with the header content-type: application/json.',
    },
  },
  rate_limited: {
    causes: [
      'More requests than `RATE_REQUESTS_PER_SECOND` allows one user, or one address.',
      'Over a socket: more messages than `RATE_MESSAGES_PER_SECOND`, or more switches of stream than `RATE_SWITCHES_PER_SECOND`.',
      'Behind a proxy that is not in `TRUSTED_PROXIES` all callers count as one address.',
    ],
    cures: [
      'Wait for the seconds in `retry-after`, and add some jitter.',
      'Ask about many users in one request; subscribe over a socket instead of polling.',
      'Operators: raise the limit, or set `TRUSTED_PROXIES`.',
    ],
    socket: 'The message was dropped; the socket stays open, beyond twice the burst it is closed with 4129.',
    example: {
      command: `curl ${ORIGIN}/online`,
      when: 'RATE_REQUESTS_PER_SECOND=1, at the second request within a second',
      detail: 'Too many requests: wait for the seconds in retry-after.',
      headers: { 'retry-after': '1' },
    },
  },
  internal: {
    causes: ['A fault of the server. Nothing of it is told here.'],
    cures: [
      'Look for `requestId` in the server’s log: its line has the stack.',
      'Try again once; if it fails again, report it with that line.',
    ],
    socket: RETRIED,
    example: {
      command: `curl ${ORIGIN}/online`,
      when: 'the server has a fault',
      detail: 'The error was logged with this request id.',
    },
  },
  overloaded: {
    causes: [
      'The server has too much in flight: too many reads, bodies or admissions at once. The store is well.',
      'Of `/readyz`: no more sockets can be accepted (`MAX_SOCKETS`, or the limit of open files).',
    ],
    cures: [
      'Try again after `retry-after`, with jitter.',
      'Operators: add a gateway, raise `ulimit -n`, or ask in larger lists.',
    ],
    socket: RETRIED,
    example: {
      command: `curl ${ORIGIN}/online`,
      when: 'too many reads are in work',
      detail: 'The server has too much to do: try again.',
      headers: { 'retry-after': '1' },
    },
  },
  history_unavailable: {
    causes: [
      'The database of the history does not answer. Players notice nothing: rows wait in the change log.',
      'It cannot be opened at all, as the folder cannot be written or the password is wrong: the log says why.',
    ],
    cures: [
      'Try again after `retry-after`.',
      'Operators: look at `presence_history_up` and the log, and correct `DATABASE_URL`.',
    ],
    example: {
      command: `curl '${ORIGIN}/history/sessions?userId=ann'`,
      when: 'the database is away',
      detail: 'The database did not answer: try again.',
      headers: { 'retry-after': '1' },
    },
  },
  store_unavailable: {
    causes: [
      'Redis does not answer, refuses writes, or is being restored, and the request needs it.',
      'With `OUTAGE_POLICY=closed` nobody is let in meanwhile; with `open` players are, marked `degraded`.',
      'The key set at `JWKS_URL` cannot be fetched.',
    ],
    cures: [
      'Try again after `retry-after`, with jitter: a store is usually back within seconds. Do not stop the player for it.',
      'Operators: look at `/readyz`, `presence_degraded` and the log.',
    ],
    socket: RETRIED,
    example: {
      command: `curl ${ORIGIN}/online`,
      when: 'Redis is away',
      detail: 'The store did not answer: try again.',
      headers: { 'retry-after': '1' },
    },
  },
  draining: {
    causes: ['This process is shutting down: it serves those that are there, and wants nobody new.'],
    cures: [
      'Send players to another node: load balancers do so by `/readyz`.',
      'Players need do nothing: they get `drain`, and the SDK reconnects.',
    ],
    example: {
      command: `curl ${ORIGIN}/readyz`,
      when: 'the process was sent SIGTERM',
      detail: 'The node is shutting down: send new players to another node.',
    },
  },
};
