/** Rows, reply lines and log entries as the Lua verbs write them (lua/parts/rows.lua, lua/parts/log.lua). */
import type { Attributes, Change, CloseReason, Displaced, Owner, Session, Via } from '../session.ts';
import { idFrom, keptId } from './keys.ts';

const VIA: Readonly<Record<string, Via>> = { s: 'socket', h: 'heartbeat', g: 'guard', p: 'presence' };
const KIND: Readonly<Record<string, Change['kind']>> = { o: 'open', u: 'update', c: 'close' };

export function ownerText(owner: Owner): string {
  if (typeof owner === 'object') return `s${owner.nodeId}.${owner.connection.toString(36)}`;
  return owner === 'none' ? 's' : owner.charAt(0);
}

function parseOwner(text: string): Owner {
  if (text.length > 1) {
    const dot = text.lastIndexOf('.');
    return { nodeId: text.slice(1, dot), connection: Number.parseInt(text.slice(dot + 1), 36) };
  }
  const via = VIA[text] ?? 'socket';
  return via === 'socket' ? 'none' : via;
}

/** '|stream|device type|country|state|device|meta' as the verbs take it; '' for what is absent. */
export function attributesText(a: Attributes): string {
  const [stream, device] = [a.streamId && keptId(a.streamId), a.deviceId && keptId(a.deviceId)];
  return `|${[stream, a.deviceType, a.country, a.state, device, a.meta && JSON.stringify(a.meta)].join('|')}`;
}

interface Line {
  readonly what: string;
  readonly owner: Owner;
  readonly limit: number;
  readonly session: Session;
}

/** Parses `what|expiresAt|session|row`. */
export function parseLine(userId: string, text: string): Line {
  const p = text.split('|');
  // meta is the last part and may itself hold the separator.
  const meta = p.length > 15 ? p.slice(14).join('|') : (p[14] as string);
  const owner = p[3] as string;
  const session: { -readonly [K in keyof Session]: Session[K] } = {
    userId,
    sessionId: idFrom(p[2] as string),
    via: VIA[owner.charAt(0)] ?? 'socket',
    startedAt: Number(p[5]),
    expiresAt: Number(p[1]),
  };
  if (p[9]) session.streamId = idFrom(p[9]);
  if (p[10]) session.deviceType = p[10];
  if (p[11]) session.country = p[11];
  if (p[12]) session.state = p[12];
  if (p[13]) session.deviceId = idFrom(p[13]);
  if (owner === 's') session.detached = true;
  if (meta) session.meta = JSON.parse(meta) as Record<string, string>;
  return { what: p[0] as string, owner: parseOwner(owner), limit: Number(p[4]), session };
}

export function parseDisplaced(userId: string, lines: readonly string[]): Displaced[] {
  return lines.map((text) => {
    const line = parseLine(userId, text);
    return { session: line.session, owner: line.owner, reason: line.what as Displaced['reason'] };
  });
}

const REASONS: ReadonlySet<string> = new Set<CloseReason>([
  'left',
  'timeout',
  'node_lost',
  'evicted',
  'replaced',
  'kicked',
]);
/** Less than P13, which was checked when it was written: a process of another version may know more characters. */
const ID_AS_KEPT = /^[^\s\p{Cc}]{1,512}$/u;

/** The log entry that begins a new epoch over kept data. */
export const EPOCH_MARK = 'e';

/** Parses one log entry; undefined for what no verb has written. */
export function parseChange(text: string, shard: number, sequence: number): Change | undefined {
  const p = text.split('|');
  const startedAt = Number(p[5]);
  const change: { -readonly [K in keyof Change]: Change[K] } = {
    kind: KIND[p[0] as string] as Change['kind'],
    at: Number(p[4]),
    userId: idFrom(p[1] ?? ''),
    sessionId: idFrom(p[2] ?? ''),
    via: VIA[p[3] as string] as Via,
    startedAt,
    segment: Number(p[6]),
    segmentStartedAt: startedAt + Number(p[7]),
    sequence,
    shard,
  };
  if (p[8]) change.streamId = idFrom(p[8]);
  if (p[9]) change.deviceType = p[9];
  if (p[10]) change.country = p[10];
  if (p[11]) change.state = p[11];
  if (p[12]) change.transition = p[12] === '+' ? 'online' : 'offline';
  if (p[13]) change.reason = p[13] as CloseReason;
  if (p[18]) {
    change.previous = {
      ...(p[14] && { streamId: idFrom(p[14]) }),
      ...(p[15] && { deviceType: p[15] }),
      ...(p[16] && { country: p[16] }),
      ...(p[17] && { state: p[17] }),
      segment: Number(p[18]),
      segmentStartedAt: startedAt + Number(p[19]),
    };
  }
  if (p[20]) change.deviceId = idFrom(p[20]);
  // meta is the last part and may itself hold the separator.
  const meta = p.slice(21).join('|');
  if (meta) change.meta = JSON.parse(meta) as Record<string, string>;
  const { at, segment, segmentStartedAt, previous } = change;
  const numbers = [at, startedAt, segment, segmentStartedAt, previous?.segment ?? 0, previous?.segmentStartedAt ?? 0];
  const isSane =
    numbers.every(Number.isSafeInteger) && [change.userId, change.sessionId].every((id) => ID_AS_KEPT.test(id));
  const isKnown = change.kind && change.via && (change.reason === undefined || REASONS.has(change.reason));
  return isSane && isKnown ? change : undefined;
}
