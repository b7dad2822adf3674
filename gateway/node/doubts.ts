/**
 * An act without an answer may have displaced sockets, and nobody knows whom to notify; so may one whose notice was lost.
 * When the store answers again, all nodes are asked to renew the sessions of its user: whoever lost its own finds that
 * out (P7).
 */
import {
  isOutage,
  type OpenRequest,
  pause,
  StoreError,
  type StoreInbox,
  type StoreSessions,
} from '../../presence-core/index.ts';
import { UserBursts, type Users } from './user-bursts.ts';

/** Of one burst; beyond this all sessions are renewed. */
const USERS_MAX = 1_000;
/** From one burst to the next. */
const BURST_MS = 1_000;
/** What was sent before the store answered again has run by then, or its connection was ended. */
const LATE_MS = 3_000;

/** What it needs of the node; `GatewayNode` is one. */
export interface DoubtsNode {
  /** By its last beat the store answers. */
  readonly hasLease: boolean;
  /** Beats at once. */
  check(): Promise<void>;
  askRenewals(users: Users): Promise<void>;
}

export class Doubts {
  private readonly bursts = new UserBursts(USERS_MAX, async (users) => {
    // The next burst does not wait for what this one waits for.
    this.resolve(users).catch(() => this.bursts.add(users));
    await pause(BURST_MS);
  });
  private readonly node: () => DoubtsNode;

  constructor(node: () => DoubtsNode) {
    this.node = node;
  }

  stop(): void {
    this.bursts.stop();
  }

  /** The acts on sessions, of which it remembers those without an answer. */
  ofSessions(sessions: StoreSessions): StoreSessions {
    return {
      open: (request) => this.watch(sessions.open(request), [request.userId], mayDisplace(request)),
      renew: (requests) => sessions.renew(requests),
      update: (request) => sessions.update(request),
      detach: (requests, graceMs) => sessions.detach(requests, graceMs),
      // A socket's own is displaced by itself.
      close: (request) => this.watch(sessions.close(request), [request.userId], typeof request.owner !== 'object'),
      kick: (userId) => this.watch(sessions.kick(userId), [userId]),
    };
  }

  /** The inboxes, of which it remembers notices that may be lost. */
  ofInbox(inbox: StoreInbox): StoreInbox {
    return {
      notify: (displaced, by) =>
        this.watch(
          inbox.notify(displaced, by),
          displaced.map(({ session }) => session.userId),
        ),
      send: (nodeIds, message) => inbox.send(nodeIds, message),
      listen: (nodeId, deliver) => inbox.listen(nodeId, deliver),
    };
  }

  private async watch<T>(act: Promise<T>, userIds: readonly string[], mayDisplace = true): Promise<T> {
    try {
      return await act;
    } catch (error) {
      if (mayDisplace && isOutage(error)) this.bursts.add(userIds);
      throw error;
    }
  }

  private async resolve(users: Users): Promise<void> {
    await this.answers();
    // Mostly it has run by now.
    await this.node().askRenewals(users);
    await pause(LATE_MS);
    // Also for the nodes that joined meanwhile.
    await this.answers();
    await this.node().askRenewals(users);
  }

  private async answers(): Promise<void> {
    const node = this.node();
    await node.check();
    if (!node.hasLease) throw new StoreError('store_unavailable', 'The store does not answer yet');
  }
}

/** Most opens are beats, which only take over what no socket holds. */
function mayDisplace({ intent, onLimit, replace }: OpenRequest): boolean {
  return intent !== 'beat' || onLimit === 'evict-oldest' || replace !== undefined;
}
