/** A dashboard as a test drives it: keeps the view that a client would, and notes what should never come. */
import { Player } from './player.ts';
import { until } from './servers.ts';

interface Row {
  readonly userId: string;
  readonly sessionId: string;
  readonly streamId?: string;
}

interface ChangeRow extends Row {
  readonly kind: 'open' | 'update' | 'close';
  readonly reason?: string;
}

export interface TopicFrame {
  readonly type: string;
  readonly id?: string;
  readonly topic: string;
  readonly resumed?: boolean;
  readonly page?: number;
  readonly last?: boolean;
  readonly sessions?: Row[];
  readonly stats?: Record<string, unknown>;
  readonly changes?: ChangeRow[];
  readonly users?: number;
  readonly cursor?: string;
  readonly degraded?: true;
}

/** What a client knows of a topic; may outlive its socket. */
export class TopicView {
  readonly topic: string;
  readonly sessions = new Map<string, Row>();
  readonly faults: string[] = [];
  readonly frames: TopicFrame[] = [];
  cursor: string | undefined;
  /** A snapshot has begun and not ended. */
  paging = false;

  constructor(topic: string) {
    this.topic = topic;
  }

  apply(frame: TopicFrame): void {
    this.frames.push(frame);
    if (frame.type === 'subscribed' && !frame.resumed) this.paging = true;
    if (frame.type === 'snapshot' && frame.sessions) this.page(frame);
    if (frame.type === 'changes') {
      if (this.paging) this.faults.push('changes within a snapshot');
      for (const change of frame.changes ?? []) this.change(change);
    }
    if (frame.cursor !== undefined) this.cursor = frame.cursor;
  }

  /** `user/session=stream`, sorted. */
  rows(): string[] {
    return [...this.sessions.values()].map((s) => `${s.userId}/${s.sessionId}=${s.streamId ?? ''}`).sort();
  }

  private page(frame: TopicFrame): void {
    if (frame.page === 0) this.sessions.clear();
    this.paging = !frame.last;
    for (const row of frame.sessions ?? []) {
      const key = `${row.userId}/${row.sessionId}`;
      if (this.sessions.has(key)) this.faults.push(`${key} twice in a snapshot`);
      this.sessions.set(key, row);
    }
  }

  private change(change: ChangeRow): void {
    const key = `${change.userId}/${change.sessionId}`;
    const known = this.sessions.has(key);
    const isElsewhere = this.topic.startsWith('stream:') && this.topic !== `stream:${change.streamId}`;
    if (change.kind === 'open' && known) this.faults.push(`${key} opened twice`);
    // What had expired when the snapshot was taken, and was swept after it, closes without having been seen.
    if (change.kind === 'close' && !known && change.reason !== 'timeout') this.faults.push(`${key} closed twice`);
    if (change.kind === 'update' && !known && !this.topic.startsWith('stream:')) {
      this.faults.push(`${key} updated unseen`);
    }
    if (change.kind === 'close' || isElsewhere) this.sessions.delete(key);
    else this.sessions.set(key, change);
  }
}

export class Dashboard {
  readonly player: Player;
  private readonly views = new Map<string, TopicView>();

  private constructor(player: Player) {
    this.player = player;
    player.socket.on('message', (data) => {
      const frame = JSON.parse(data.toString()) as TopicFrame;
      this.views.get(frame.topic)?.apply(frame);
    });
  }

  static async open(port: number, hello: object = { observe: true }): Promise<Dashboard> {
    const [player] = await Player.hello(port, hello);
    return new Dashboard(player);
  }

  /** Subscribes a new view, or goes on with one from its cursor. */
  async subscribe(topic: string, members: object = {}, view = new TopicView(topic)): Promise<TopicView> {
    const before = view.frames.length;
    this.views.set(topic, view);
    const cursor = view.cursor === undefined ? {} : { cursor: view.cursor };
    this.player.send({ type: 'subscribe', id: `to ${topic}`.slice(0, 64), topic, ...cursor, ...members });
    await until(() => view.frames.length > before);
    if (view.frames[before]?.type !== 'subscribed') view.faults.push('began with something else than subscribed');
    return view;
  }

  close(): Promise<void> {
    return this.player.vanish();
  }
}
