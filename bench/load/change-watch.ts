/**
 * What a dashboard in mode `events` is told, judged as it comes: each change once, in order, none left out. Sessions that
 * are not of this run pass unjudged.
 */
import type { ChangeView, SessionView, TopicMessage } from '../../gateway/protocol/messages.ts';
import { type Mark, markOf } from './mark.ts';

/** What is known of a session. */
interface Row {
  /** Number of the last change that was told. */
  n: number;
  /** Changes told so far, and those that were tried before it came into view. */
  told: number;
}

export interface ChangeWatchOptions {
  readonly topic: string;
  /** Whether a user is of this run. */
  readonly isOurs: (userId: string) => boolean;
  readonly violation: (text: string) => void;
  /** Of a change that carries a mark. */
  readonly told?: (mark: Mark) => void;
}

export class ChangeWatch {
  /** Changes that were judged. */
  checked = 0;
  /** Opens and updates of players with a socket: as many were made. */
  told = 0;
  /** The server lost its place and began anew: what was told before does not count together with what follows. */
  hasResynced = false;
  readonly topic: string;
  private readonly rows = new Map<string, Row>();
  private readonly options: ChangeWatchOptions;
  /** The stream of a topic of one. */
  private readonly stream: string | undefined;
  private phase: 'new' | 'paging' | 'told' = 'new';

  constructor(options: ChangeWatchOptions) {
    this.options = options;
    this.topic = options.topic;
    this.stream = /^stream:(.*)$/s.exec(options.topic)?.[1];
  }

  /** Sessions of this run that are in view. */
  get inView(): readonly string[] {
    return [...this.rows.keys()];
  }

  take(message: TopicMessage): void {
    if (message.type === 'snapshot' && 'sessions' in message) this.page(message.page, message.last, message.sessions);
    // Summaries take the place of changes: what happens meanwhile is not told one by one.
    else if (message.type === 'interval') this.hasResynced = true;
    else if (message.type === 'changes') {
      if (this.phase !== 'told') this.options.violation(`${this.topic}: changes before the end of a snapshot`);
      for (const change of message.changes) if (this.options.isOurs(change.userId)) this.judge(change);
    }
  }

  private page(page: number, isLast: boolean, sessions: readonly SessionView[]): void {
    if (page === 0) {
      this.hasResynced ||= this.phase !== 'new';
      this.rows.clear();
    }
    this.phase = isLast ? 'told' : 'paging';
    for (const session of sessions) {
      if (!this.options.isOurs(session.userId)) continue;
      const key = keyOf(session);
      if (this.rows.has(key)) this.options.violation(`${this.topic}: ${key} is in a snapshot twice`);
      this.enter(key, markOf(session.meta));
    }
  }

  private judge(change: ChangeView): void {
    this.checked += 1;
    const key = keyOf(change);
    const row = this.rows.get(key);
    if (change.kind === 'close') {
      // What had expired when a snapshot was taken is closed without having been seen.
      if (!row && change.reason !== 'timeout') this.options.violation(`${this.topic}: ${key} closed twice`);
      this.rows.delete(key);
      return;
    }
    const mark = markOf(change.meta);
    if (mark) {
      this.told += 1;
      this.options.told?.(mark);
    }
    if (change.kind === 'open') {
      if (row) this.options.violation(`${this.topic}: ${key} opened twice`);
      this.enter(key, mark);
      return;
    }
    if (row) this.judgeUpdate(key, row, mark);
    // Others come into view of a stream by a switch.
    else if (this.stream === undefined) this.options.violation(`${this.topic}: ${key} updated before it was opened`);
    if (this.stream !== undefined && change.streamId !== this.stream) this.rows.delete(key);
    else if (!row) this.enter(key, mark);
  }

  private judgeUpdate(key: string, row: Row, mark: Mark | undefined): void {
    if (!mark) return;
    if (mark.n === row.n) this.options.violation(`${this.topic}: change ${mark.n} of ${key} told twice`);
    else if (mark.n < row.n) this.options.violation(`${this.topic}: change ${mark.n} of ${key} told after ${row.n}`);
    else if (mark.sure > row.told)
      this.options.violation(
        `${this.topic}: of ${mark.sure} changes of ${key} before ${mark.n}, ${row.told} were told`,
      );
    row.n = Math.max(row.n, mark.n);
    // One that is missing is a fault once, not again with each that follows.
    row.told = Math.max(row.told, mark.sure) + 1;
  }

  private enter(key: string, mark: Mark | undefined): void {
    // What came before may have been on its way when this was sent: it counts as told.
    this.rows.set(key, { n: mark?.n ?? 0, told: mark?.n ?? 1 });
  }
}

const keyOf = ({ userId, sessionId }: { userId: string; sessionId: string }): string => `${userId}/${sessionId}`;
