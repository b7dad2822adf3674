/** The chapter of /docs on WebSockets. */
import { CLOSE_CODES, type CloseName } from '../../protocol/close-codes.ts';
import { MAX_MESSAGE_BYTES, SUBPROTOCOL } from '../../protocol/messages.ts';
import { type Html, html, prose } from './html.ts';
import { SOCKET } from './place.ts';

/** `→` from the client, `←` from the server; the text `…` stands for any value. Tests hold each of them. */
export interface Conversation {
  readonly id: string;
  readonly title: string;
  readonly lines: readonly (readonly ['→' | '←', Readonly<Record<string, unknown>>])[];
  /** How the server closes behind the last line. */
  readonly close?: CloseName;
}

const ANN = { userId: 'ann', streamId: 'tnt' };
const WELCOME = { type: 'welcome', userId: 'ann', sessionId: '…', resumeToken: '…' };
const TIMES = { expiresAt: '…', pingIntervalMs: '…', resumeGraceMs: '…' };

export const CONVERSATIONS: readonly Conversation[] = [
  {
    id: 'socket-player',
    title: 'A player: begin, switch the stream, leave',
    lines: [
      ['→', { type: 'hello', ...ANN, deviceType: 'android', country: 'US', meta: { name: 'Ann’s phone' } }],
      ['←', { ...WELCOME, resumed: false, current: 1, max: 3, ...TIMES }],
      ['→', { type: 'update', id: 1, streamId: 'espn' }],
      ['←', { type: 'ok', id: 1 }],
      ['→', { type: 'leave' }],
    ],
    close: 'normal',
  },
  {
    id: 'socket-limit',
    title: 'The fourth stream, and how to take the place of one of the three',
    lines: [
      ['→', { type: 'hello', ...ANN }],
      [
        '←',
        {
          type: 'error',
          problem: {
            type: '/docs/problems/concurrency_limit',
            code: 'concurrency_limit',
            max: 3,
            current: 3,
            conflicts: '…',
            nextFreeAt: '…',
          },
        },
      ],
    ],
    close: 'concurrency_limit',
  },
  {
    id: 'socket-replace',
    title: 'The same hello again, on a new socket, with the session that is to end',
    lines: [
      ['→', { type: 'hello', ...ANN, replace: ['tv'] }],
      ['←', { ...WELCOME, resumed: false, current: 3, max: 3, ...TIMES }],
    ],
  },
  {
    id: 'socket-dashboard',
    title: 'A dashboard: who watches a stream, and each change from then on',
    lines: [
      ['→', { type: 'hello', observe: true }],
      ['←', { type: 'welcome', resumed: false, pingIntervalMs: '…', resumeGraceMs: '…' }],
      ['→', { type: 'subscribe', id: 1, topic: 'stream:tnt' }],
      ['←', { type: 'subscribed', id: 1, topic: 'stream:tnt', resumed: false }],
      ['←', { type: 'snapshot', topic: 'stream:tnt', page: 0, last: true, sessions: '…', cursor: '…' }],
      ['←', { type: 'changes', topic: 'stream:tnt', changes: '…', cursor: '…' }],
    ],
  },
];

const MESSAGES: readonly (readonly [type: string, about: string])[] = [
  [
    'hello',
    'First of all, within `HELLO_TIMEOUT_MS`. `resume` takes a session back, `replace` ends others in the same step.',
  ],
  ['update', 'What changed: `streamId`, `deviceType`, `country`, `state`, `meta`. The slot stays.'],
  ['leave', 'Ends the session and frees its slot at once.'],
  ['heartbeat', 'Asks for `current` and `max`. Not needed to stay: the server pings.'],
  ['ping', 'Answered `pong` at once: whether the connection still stands.'],
  ['event', '`click` or `impression`, for the analytics.'],
  ['refresh', 'A new `token` before the old one ends. `token_expiring` comes 30 s before.'],
  [
    'subscribe',
    '`topic` `user:<id>`, `users:<id>,<id>…` (up to 200), `stream:<id>`, `all` or `stats`; `mode` `events`, `interval` or `auto`; `cursor` to go on where another connection stopped.',
  ],
  ['unsubscribe', 'Ends a subscription.'],
];

const CLOSES: Readonly<Record<CloseName, string>> = {
  normal: 'It left, or the session ended elsewhere.',
  going_away: 'The node goes away: another one takes the session over.',
  message_too_big: `A message of more than ${MAX_MESSAGE_BYTES.toLocaleString('en')} bytes.`,
  bad_request: 'No JSON, or something else than a hello first.',
  unauthenticated: 'No token, or one that does not hold.',
  forbidden: 'The token does not allow it.',
  hello_timeout: 'No hello came.',
  concurrency_limit: 'All slots of the user are taken.',
  evicted: 'Another session took the slot, as ON_LIMIT=evict-oldest says.',
  kicked: 'An admin ended the session.',
  replaced: 'Its user ended it for another one, or another socket has this session.',
  overloaded: 'The server cannot now.',
  rate_limited: 'Too many messages.',
  token_expired: 'The token ended, and no other one came.',
  pong_timeout: 'A ping had no answer.',
  resync: 'The dashboard read too slowly: it resumes by its cursor.',
};

const RECONNECT = { never: 'stops', now: 'reconnects at once', backoff: 'backs off, with jitter' } as const;

const frames = ({ id, title, lines, close }: Conversation): Html => html`<figure id="${id}">
<figcaption>${title}</figcaption>
<pre class="frames">${lines.map(
  ([from, frame]) =>
    html`<span class="${from === '→' ? 'sent' : 'heard'}">${from}\u00a0${JSON.stringify(frame)}</span>`,
)}${close !== undefined && html`<span class="heard">←\u00a0close ${CLOSE_CODES[close].code} ${close}</span>`}</pre>
</figure>
`;

export function socketsChapter(): Html {
  const closes = Object.entries(CLOSE_CODES) as [CloseName, (typeof CLOSE_CODES)[CloseName]][];
  return html`<section id="sockets">
<h2>Sockets</h2>
<p>Players and dashboards connect to one address: <code>${SOCKET}</code>, subprotocol <code>${SUBPROTOCOL}</code> (may be left out). Frames are text with one JSON object each, at most ${MAX_MESSAGE_BYTES.toLocaleString('en')} bytes. The <a href="#sdk">SDK</a> does all of this for you; write your own client where it does not run.</p>
${CONVERSATIONS.map(frames)}<h3 id="messages">Messages that you send</h3>
<p>An <code>id</code> is optional: the answer has it too. Unknown fields are ignored. What cannot be done is answered <code>error</code> with a <a href="#problems">problem</a>.</p>
<table class="pairs">
<thead><tr><th scope="col">type</th><th scope="col">what it does</th></tr></thead>
<tbody>
${MESSAGES.map(([type, about]) => html`<tr id="message-${type}"><th scope="row"><code>${type}</code></th><td>${prose(about)}</td></tr>\n`)}</tbody>
</table>
<h3 id="lost">When the connection is lost</h3>
<p>The slot stays for <code>resumeGraceMs</code>. A hello with <code>resume</code> takes the session back, on any node, as if nothing had been. After that time the slot is free. The server pings every <code>pingIntervalMs</code>; a browser answers by itself.</p>
<h3 id="closes">Close codes</h3>
<table class="closes">
<thead><tr><th scope="col">code</th><th scope="col">reason</th><th scope="col">why</th><th scope="col">a client then</th></tr></thead>
<tbody>
${closes.map(
  ([name, { code, reconnect }]) =>
    html`<tr id="close-${code}"><th scope="row">${code}</th><td><code>${name}</code></td><td>${CLOSES[name]}</td><td>${RECONNECT[reconnect]}</td></tr>\n`,
)}</tbody>
</table>
</section>
`;
}
