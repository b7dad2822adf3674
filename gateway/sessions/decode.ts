/** From the text of a frame to a checked message, or to what is wrong with it. */
import { ID_RULE, isId, isLabel, isMeta } from '../../presence-core/index.ts';
import type { ClientMessage, MessageId, Ping } from '../protocol/messages.ts';

export interface FieldError {
  readonly path: string;
  readonly message: string;
}

export type Decoded =
  | { readonly ok: true; readonly message: ClientMessage }
  /** `fatal`: not JSON; the socket cannot go on (4000). */
  | { readonly ok: false; readonly fatal: boolean; readonly id?: MessageId; readonly errors: readonly FieldError[] };

type Optional = readonly [test: (value: unknown) => boolean, message: string];
type Required = readonly [...Optional, required: true];
type Check = Optional | Required;

const ID: Optional = [isId, `must be ${ID_RULE}`];
const LABEL: Optional = [isLabel, 'must be 1-64 printable characters without / | { }'];
const META: Optional = [isMeta, 'must be an object of at most 8 strings, at most 512 bytes as JSON'];
const MAX_REPLACE = 16;
/** Room for two of the longest ids. */
const MAX_RESUME_TOKEN_LENGTH = 2_048;
const MAX_TOKEN_LENGTH = 8_192;
const REPLACE: Optional = [
  (value) => Array.isArray(value) && value.length <= MAX_REPLACE && value.every(isId),
  `must be an array of at most ${MAX_REPLACE} session ids`,
];
const tokenOf = (max: number) =>
  [
    (value: unknown) => typeof value === 'string' && value.length <= max,
    `must be a string of at most ${max} characters`,
  ] as const;
const FLAG: Optional = [(value) => typeof value === 'boolean', 'must be true or false'];

const EVENT: Required = [(value) => value === 'click' || value === 'impression', 'must be click or impression', true];

const MODE: Optional = [
  (value) => value === 'events' || value === 'interval' || value === 'auto',
  'must be events, interval or auto',
];
const IDS: Optional = [(value) => Array.isArray(value) && value.every(isId), 'must be an array of ids'];
const CURSOR: Optional = [(value) => typeof value === 'string', 'must be a string'];
const TOPIC: Required = [(value) => typeof value === 'string', 'must be a string', true];

const SESSION_FIELDS = { streamId: ID, deviceType: LABEL, country: LABEL, state: LABEL, meta: META };

type Message<T> = Extract<ClientMessage, { type: T }>;
type Fields<T> = Omit<Message<T>, 'type' | 'id'>;
type Checks<T> = {
  readonly [F in keyof Fields<T>]-?: undefined extends Fields<T>[F] ? Optional : Required;
};

/** The known fields of each message; others are ignored. A field of its interface without a check does not compile. */
const MESSAGES: { readonly [T in ClientMessage['type']]: Checks<T> } = {
  hello: {
    ...SESSION_FIELDS,
    userId: ID,
    sessionId: ID,
    deviceId: ID,
    replace: REPLACE,
    token: tokenOf(MAX_TOKEN_LENGTH),
    resume: tokenOf(MAX_RESUME_TOKEN_LENGTH),
    observe: FLAG,
  },
  update: SESSION_FIELDS,
  refresh: { token: [...tokenOf(MAX_TOKEN_LENGTH), true] },
  event: { event: EVENT },
  leave: {},
  heartbeat: {},
  ping: {},
  subscribe: { topic: TOPIC, ids: IDS, mode: MODE, cursor: CURSOR, seen: FLAG },
  unsubscribe: { topic: TOPIC },
};

/** The same as lists. */
const CHECKS: ReadonlyMap<string, readonly (readonly [name: string, check: Check])[]> = new Map(
  Object.entries(MESSAGES).map(([type, checks]) => [type, Object.entries<Check>(checks)]),
);
const FITS: readonly FieldError[] = [];

const MAX_REPLY_ID_LENGTH = 64;

/** @param text undefined for a binary frame. */
export function decode(text: string | undefined): Decoded {
  if (text === undefined) return bad(true, '', 'must be a text frame');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return bad(true, '', 'must be JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return bad(false, '', 'must be a JSON object');
  const message = value as Record<string, unknown>;
  if (typeof message.type !== 'string') return bad(false, '/type', 'must be a string');
  const { id } = message;
  if (!isReplyId(id)) {
    const expected = `must be a string of at most ${MAX_REPLY_ID_LENGTH} characters or a safe integer`;
    return { ok: false, fatal: false, errors: [{ path: '/id', message: expected }] };
  }
  const reply = id === undefined ? {} : { id };
  const checks = CHECKS.get(message.type);
  if (checks === undefined) {
    return { ok: false, fatal: false, ...reply, errors: [{ path: '/type', message: 'is not a known message type' }] };
  }
  const errors = errorsOf(message, checks);
  if (errors.length > 0) return { ok: false, fatal: false, ...reply, errors };
  return { ok: true, message: message as unknown as ClientMessage };
}

function errorsOf(
  message: Record<string, unknown>,
  checks: readonly (readonly [string, Check])[],
): readonly FieldError[] {
  let errors: FieldError[] | undefined;
  for (const [name, [test, expected, required]] of checks) {
    const value = message[name];
    if (value === undefined ? !required : test(value)) continue;
    errors ??= [];
    errors.push({ path: `/${name}`, message: expected });
  }
  return errors ?? FITS;
}

/** @returns the ping that this text is, if it is one. */
export function pingOf(text: string | undefined): Ping | undefined {
  // Nearly all texts are none: they are parsed once.
  if (!text?.includes('"ping"')) return undefined;
  const decoded = decode(text);
  return decoded.ok && decoded.message.type === 'ping' ? decoded.message : undefined;
}

function isReplyId(id: unknown): id is MessageId | undefined {
  if (typeof id === 'string') return id.length <= MAX_REPLY_ID_LENGTH;
  return id === undefined || Number.isSafeInteger(id);
}

function bad(fatal: boolean, path: string, message: string): Decoded {
  return { ok: false, fatal, errors: [{ path, message }] };
}
