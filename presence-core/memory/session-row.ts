/**
 * A session in the memory store: one flat object, so that a million of them fit. It hangs in two circular lists
 * through its own fields, one of the due wheel and the sessions of its node, so that leaving either is O(1) and an
 * ended session is held by nothing.
 */
import type { Attributes, Displaced, Owner, Session, SocketOwner, Via } from '../session.ts';
import { PRESENCE_ONLY } from '../session.ts';
import { type DueLink, unfile } from '../toolkit/due-wheel.ts';

interface NodeLink {
  nodeNext: NodeLink;
  nodePrev: NodeLink;
}

/** Who holds the lease: a node's lease stands for its sockets. */
export type Holder = NodeLease | Exclude<Owner, SocketOwner>;

export class SessionRow implements DueLink, NodeLink {
  readonly userId: string;
  readonly sessionId: string;
  via: Via;
  holder: Holder;
  /** Of the holder's sockets; 0 when no socket holds it. */
  connection: number;
  limit: number;
  startedAt: number;
  /** The end of its lease as `silence.ts` keeps it; `MemoryShard.expiresAt` tells until when it runs. */
  leaseEndsAt: number;
  segment = 0;
  segmentStartedAt: number;
  /** Of the last log entry about this session (P11). */
  sequence = 0;
  streamId: string | undefined;
  deviceId: string | undefined;
  deviceType: string | undefined;
  country: string | undefined;
  state: string | undefined;
  meta: Attributes['meta'];
  dueNext: DueLink = this;
  duePrev: DueLink = this;
  nodeNext: NodeLink = this;
  nodePrev: NodeLink = this;

  constructor(userId: string, sessionId: string, limit: number, startedAt: number, leaseEndsAt: number) {
    this.userId = userId;
    this.sessionId = sessionId;
    this.via = 'socket';
    this.holder = 'none';
    this.connection = 0;
    this.limit = limit;
    this.startedAt = startedAt;
    this.segmentStartedAt = startedAt;
    this.leaseEndsAt = leaseEndsAt;
  }

  get isMark(): boolean {
    return this.sessionId === PRESENCE_ONLY;
  }

  owner(): Owner {
    return typeof this.holder === 'string' ? this.holder : { nodeId: this.holder.nodeId, connection: this.connection };
  }

  isHeldBy(owner: Owner): boolean {
    if (typeof owner === 'string') return this.holder === owner;
    return (
      typeof this.holder !== 'string' && this.holder.nodeId === owner.nodeId && this.connection === owner.connection
    );
  }

  session(expiresAt: number): Session {
    return {
      userId: this.userId,
      sessionId: this.sessionId,
      via: this.via,
      startedAt: this.startedAt,
      expiresAt,
      streamId: this.streamId,
      deviceId: this.deviceId,
      deviceType: this.deviceType,
      country: this.country,
      state: this.state,
      meta: this.meta,
      detached: this.holder === 'none' || undefined,
    };
  }

  displaced(reason: Displaced['reason'], expiresAt: number): Displaced {
    return { session: this.session(expiresAt), owner: this.owner(), reason };
  }

  /** Takes over what is given; what is absent stays. */
  assign(attributes: Attributes): void {
    this.streamId = attributes.streamId ?? this.streamId;
    this.deviceId = attributes.deviceId ?? this.deviceId;
    this.deviceType = attributes.deviceType ?? this.deviceType;
    this.country = attributes.country ?? this.country;
    this.state = attributes.state ?? this.state;
    this.meta = attributes.meta ?? this.meta;
  }

  /** Changes hands; a session in nobody's hands keeps telling how it was held. */
  hold(holder: Holder, owner: Owner): void {
    this.leaveNode();
    this.holder = holder;
    this.connection = typeof owner === 'string' ? 0 : owner.connection;
    if (typeof holder !== 'string') {
      this.via = 'socket';
      holder.sessions.push(this);
    } else if (holder !== 'none') {
      this.via = holder;
    }
  }

  /** Whether these attributes change anything (P11). */
  isChange(given: Attributes): boolean {
    return (
      differs(this.streamId, given.streamId) ||
      differs(this.deviceType, given.deviceType) ||
      differs(this.country, given.country) ||
      differs(this.state, given.state) ||
      differs(this.deviceId, given.deviceId) ||
      metaDiffers(this.meta, given.meta)
    );
  }

  /** Is held by nothing any more: neither by the wheel nor by a node. */
  leaveLists(): void {
    unfile(this);
    this.leaveNode();
  }

  leaveNode(): void {
    this.nodePrev.nodeNext = this.nodeNext;
    this.nodeNext.nodePrev = this.nodePrev;
    this.nodeNext = this;
    this.nodePrev = this;
  }
}

/** Sessions held by the sockets of one node. */
export class NodeRing implements NodeLink {
  nodeNext: NodeLink = this;
  nodePrev: NodeLink = this;

  push(row: SessionRow): void {
    row.nodePrev = this.nodePrev;
    row.nodeNext = this;
    this.nodePrev.nodeNext = row;
    this.nodePrev = row;
  }

  first(): SessionRow | undefined {
    return this.nodeNext instanceof SessionRow ? this.nodeNext : undefined;
  }
}

/** Lease of one node generation (P9). */
export class NodeLease {
  readonly nodeId: string;
  /** As `silence.ts` keeps it. */
  endsAt: number;
  readonly sessions = new NodeRing();

  constructor(nodeId: string, endsAt: number) {
    this.nodeId = nodeId;
    this.endsAt = endsAt;
  }
}

/** Sessions that take a slot: all but the presence-only mark. May be the given array itself. */
export function slots(rows: readonly SessionRow[]): readonly SessionRow[] {
  return rows.some((row) => row.isMark) ? rows.filter((row) => !row.isMark) : rows;
}

function differs(before: string | undefined, given: string | undefined): boolean {
  return given !== undefined && given !== before;
}

function metaDiffers(before: Attributes['meta'], given: Attributes['meta']): boolean {
  if (given === undefined) return false;
  const fields = Object.keys(given);
  if (before === undefined || fields.length !== Object.keys(before).length) return true;
  return fields.some((field) => given[field] !== before[field]);
}
