/** The acts on sessions (P3–P8): their arguments and replies as the Lua verbs have them. */
import { isRetryable } from '../errors.ts';
import type { CloseReason, Displaced } from '../session.ts';
import type * as api from '../store/sessions.ts';
import type { ItemQueue } from './item-queue.ts';
import { keptId } from './keys.ts';
import type { RedisRenewals } from './renewals.ts';
import { attributesText, ownerText, parseDisplaced, parseLine } from './rows.ts';

export class RedisSessions implements api.StoreSessions {
  private readonly queue: ItemQueue;
  private readonly renewals: RedisRenewals;
  private readonly defaultLimit: number;

  /** @param defaultLimit of users without an override whose request names no limit. */
  constructor(queue: ItemQueue, renewals: RedisRenewals, defaultLimit: number) {
    this.queue = queue;
    this.renewals = renewals;
    this.defaultLimit = defaultLimit;
  }

  /** A heartbeat is a verb of its own, which Redis allows out of memory; what it does not know is opened. */
  async open(r: api.OpenRequest): Promise<api.OpenResult> {
    const known = r.intent === 'beat' && typeof r.owner === 'string' ? await this.heartbeat(r) : undefined;
    return known ?? this.admit(r);
  }

  private async heartbeat(r: api.OpenRequest): Promise<api.OpenResult | undefined> {
    const text = await this.queue.addForUser<string>('heartbeat', r.userId, (prefix, bucket, user) => [
      prefix,
      user,
      keptId(r.sessionId),
      bucket,
      ownerText(r.owner),
      String(r.leaseMs),
      r.limit === undefined ? '' : String(r.limit),
      attributesText(r.attributes),
      String(this.defaultLimit),
    ]);
    return text === 'unknown' ? undefined : openedOf(text.split('|'), NOBODY);
  }

  private async admit(r: api.OpenRequest): Promise<api.OpenResult> {
    const lines = await this.queue.addForUser<string[]>('open', r.userId, (prefix, bucket, user) => [
      prefix,
      user,
      keptId(r.sessionId),
      bucket,
      ownerText(r.owner),
      String(r.leaseMs),
      r.limit === undefined ? '' : String(r.limit),
      r.onLimit === 'evict-oldest' ? 'e' : 'r',
      r.replace?.map(keptId).join('|') ?? '',
      r.returns ? INTENTS[r.intent].toUpperCase() : INTENTS[r.intent],
      beginningText(r),
      attributesText(r.attributes),
      String(this.defaultLimit),
      r.socketWas?.charAt(0) ?? '',
    ]);
    const head = (lines[0] as string).split('|');
    const outcome = head[0];
    if (outcome === 'fenced' || outcome === 'gone' || outcome === 'moved') return { outcome };
    if (outcome === 'ended') return { outcome, reason: head[1] as CloseReason, retryAfterMs: Number(head[2]) };
    const rest = lines.slice(1);
    if (outcome === 'refused') {
      const conflicts = rest.filter((text) => text.startsWith('conflict|'));
      return {
        outcome,
        current: Number(head[1]),
        max: Number(head[2]),
        conflicts: conflicts.map((text) => parseLine(r.userId, text).session),
        nextFreeAt: Number(head[3]),
        displaced: parseDisplaced(r.userId, rest.slice(0, rest.length - conflicts.length)),
      };
    }
    return openedOf(head, rest.length > 0 ? parseDisplaced(r.userId, rest) : NOBODY);
  }

  renew(requests: readonly api.RenewRequest[]): Promise<api.RenewResult[]> {
    return this.renewals.renew(requests, (text) => outcomeOf(text) as api.RenewResult, FAILED);
  }

  async update(r: api.UpdateRequest): Promise<api.UpdateResult> {
    const text = await this.act('update', r, r.owner, attributesText(r.attributes));
    const [outcome, segment, startedAt, segmentMs] = text.split('|');
    if (outcome !== 'updated' && outcome !== 'unchanged') return outcomeOf(text) as api.Miss;
    return { outcome, segment: Number(segment), segmentStartedAt: Number(startedAt) + Number(segmentMs) };
  }

  detach(requests: readonly api.OwnedRef[], graceMs: number): Promise<api.DetachResult[]> {
    return Promise.all(
      requests.map(async (r): Promise<api.DetachResult> => {
        try {
          return outcomeOf(await this.act('detach', r, r.owner, String(graceMs))) as api.DetachResult;
        } catch (error) {
          if (isRetryable(error)) throw error;
          return FAILED;
        }
      }),
    );
  }

  async close(r: api.CloseRequest): Promise<api.CloseResult> {
    const lines = await this.act<string[]>('close', r, r.owner, r.reason);
    if (lines[0] !== 'closed') return outcomeOf(lines[0] as string) as api.Miss;
    return { outcome: 'closed', displaced: parseDisplaced(r.userId, lines.slice(1))[0] as Displaced };
  }

  async kick(userId: string): Promise<readonly Displaced[]> {
    const lines = await this.queue.addForUser<string[]>('kick', userId, (prefix, bucket, user) => [
      prefix,
      user,
      bucket,
    ]);
    return parseDisplaced(userId, lines);
  }

  /** Queues an act on one session. @param own the verb's own argument. */
  private act<Reply = string>(
    verb: 'update' | 'close' | 'detach',
    ref: api.SessionRef,
    owner: api.OwnedRef['owner'] | undefined,
    own: string,
  ): Promise<Reply> {
    const text = owner === undefined ? '' : ownerText(owner);
    const { userId, sessionId } = ref;
    return this.queue.addForUser<Reply>(verb, userId, (prefix, bucket, user) => [
      prefix,
      user,
      keptId(sessionId),
      bucket,
      text,
      own,
    ]);
  }
}

const FAILED = { outcome: 'failed' } as const;
const NOBODY: readonly Displaced[] = [];

/** @param head `opened|current|max|startedAt|expiresAt|segment|segmentStartedAt - startedAt`, or `renewed`, `held` */
function openedOf(head: readonly string[], displaced: readonly Displaced[]): api.OpenResult {
  return {
    outcome: head[0] as 'opened' | 'renewed' | 'held',
    current: Number(head[1]),
    max: Number(head[2]),
    startedAt: Number(head[3]),
    expiresAt: Number(head[4]),
    segment: Number(head[5]),
    segmentStartedAt: Number(head[3]) + Number(head[6]),
    displaced,
  };
}

/** When the session may have begun that is returned to, or with what another begins. */
function beginningText(request: api.OpenRequest): string {
  const { intent, startedAt, orStartedAt = [], segment, segmentStartedAt } = request;
  if (startedAt === undefined) return '';
  if (intent === 'return') return [startedAt, ...orStartedAt].join('|');
  // A restore always goes on (P10).
  if (intent !== 'restore' && segment === undefined && segmentStartedAt === undefined) return String(startedAt);
  return `${startedAt}|${segment ?? 0}|${segmentStartedAt ?? startedAt}`;
}

const INTENTS = { fresh: 'f', resume: 'r', return: 'l', beat: 'b', restore: 'x' } as const;

function outcomeOf(text: string): { outcome: string; reason?: CloseReason; expiresAt?: number } {
  const [outcome, rest] = text.split('|') as [string, string?];
  if (rest === undefined) return { outcome };
  return outcome === 'ended' ? { outcome, reason: rest as CloseReason } : { outcome, expiresAt: Number(rest) };
}
