/** The texts of the dashboard's messages. Each row is written once, however many topics and sockets it goes to. */
import type { Change, Count, Session } from '../../presence-core/index.ts';
import type { ChangeView, ProblemBody, SessionView } from '../protocol/messages.ts';
import type { Flow } from './topics.ts';

/**
 * Stands in a message after which the client's view is not yet that of one place in the log: of a snapshot's earlier
 * pages, of a part of a large batch, of summaries. A subscription with it begins with a fresh snapshot.
 */
export const NO_PLACE = '-';

/** A text of this length fits a socket's buffer beside what may be queued, also when a character takes three bytes. */
export const MAX_FRAME_LENGTH = 65_536;
export const MAX_PAGE_SESSIONS = 500;

/** Of a snapshot. */
export interface LastPage {
  readonly number: number;
  readonly rows: readonly string[];
}

/** A session as dashboards are shown it. */
export type ShownSession = Omit<Session, 'expiresAt'>;

export function sessionText(s: ShownSession): string {
  const view: SessionView = {
    userId: s.userId,
    sessionId: s.sessionId,
    streamId: s.streamId,
    deviceId: s.deviceId,
    deviceType: s.deviceType,
    country: s.country,
    state: s.state,
    meta: s.meta,
    via: s.via,
    startedAt: s.startedAt,
  };
  return JSON.stringify(view);
}

export function changeText(c: Change): string {
  const { previous } = c;
  const isSwitch = previous?.streamId !== undefined && previous.streamId !== c.streamId;
  const view: ChangeView = {
    kind: c.kind,
    userId: c.userId,
    sessionId: c.sessionId,
    streamId: c.streamId,
    deviceId: c.deviceId,
    deviceType: c.deviceType,
    country: c.country,
    state: c.state,
    meta: c.meta,
    via: c.kind === 'close' ? undefined : c.via,
    startedAt: c.kind === 'close' ? undefined : c.startedAt,
    reason: c.reason,
    online: c.transition === 'online' || undefined,
    offline: c.transition === 'offline' || undefined,
    previous: isSwitch ? { streamId: previous.streamId as string } : undefined,
    at: c.at,
  };
  return JSON.stringify(view);
}

/** All pages of a snapshot but the last. */
export function pageFrame(topic: string, page: number, rows: readonly string[]): string {
  return snapshotText(`${headOf(topic)},"page":${page},"last":false`, rows, NO_PLACE);
}

/** @param isDegraded the snapshot may lack sessions (W24). */
export function lastPageFrame(topic: string, page: LastPage, cursor: string, isDegraded: boolean): string {
  const mark = isDegraded ? ',"degraded":true' : '';
  return snapshotText(`${headOf(topic)},"page":${page.number},"last":true${mark}`, page.rows, cursor);
}

function headOf(topic: string): string {
  return `{"type":"snapshot","topic":${JSON.stringify(topic)}`;
}

function snapshotText(head: string, rows: readonly string[], cursor: string): string {
  return `${head},"sessions":[${rows.join(',')}],"cursor":${JSON.stringify(cursor)}}`;
}

export function statsFrame(topic: string, stats: object, isDegraded: boolean): string {
  const mark = isDegraded && { degraded: true };
  return JSON.stringify({ type: 'snapshot', topic, page: 0, last: true, ...mark, stats, cursor: NO_PLACE });
}

export function intervalFrame(topic: string, count: Count, flow: Flow, isDegraded: boolean): string {
  const { users, sessions } = count;
  const mark = isDegraded && { degraded: true };
  return JSON.stringify({ type: 'interval', topic, sessions, users, ...flow, cursor: NO_PLACE, ...mark });
}

export function problemFrame(problem: ProblemBody): string {
  return JSON.stringify({ type: 'error', problem });
}

export interface ChangesFrame {
  readonly text: string;
  /** How many it holds. */
  readonly changes: number;
}

/** Only after the last of the frames does the client stand at `cursor`. */
export function changesFrames(topic: string, rows: readonly string[], cursor: string): ChangesFrame[] {
  const head = `{"type":"changes","topic":${JSON.stringify(topic)},"changes":[`;
  const groups = inFrames(rows);
  return groups.map((group, i) => {
    const place = i === groups.length - 1 ? cursor : NO_PLACE;
    return { text: `${head}${group.join(',')}],"cursor":${JSON.stringify(place)}}`, changes: group.length };
  });
}

function inFrames(rows: readonly string[]): string[][] {
  const groups: string[][] = [];
  let length = MAX_FRAME_LENGTH;
  for (const row of rows) {
    length += row.length + 1;
    if (length > MAX_FRAME_LENGTH) {
      groups.push([]);
      length = row.length;
    }
    (groups.at(-1) as string[]).push(row);
  }
  return groups;
}
