/** Messages to the nodes of this process (P5, P7, P10): delivered at once. */
import type { Displaced } from '../session.ts';
import type { Broadcast, InboxMessage, NodeMessage, StoreInbox } from '../store/inbox.ts';

type Listener = (message: NodeMessage) => void;

export class MemoryInbox implements StoreInbox {
  readonly #listeners = new Map<string, Listener>();

  async notify(displaced: readonly Displaced[], by?: InboxMessage['by']): Promise<void> {
    for (const { session, owner, reason } of displaced) {
      if (typeof owner === 'string') continue;
      const { userId, sessionId } = session;
      this.#listeners.get(owner.nodeId)?.({ userId, sessionId, connection: owner.connection, reason, by });
    }
  }

  async send(nodeIds: readonly string[], message: Broadcast): Promise<void> {
    for (const nodeId of nodeIds) this.#listeners.get(nodeId)?.(message);
  }

  listen(nodeId: string, deliver: Listener): void {
    this.#listeners.set(nodeId, deliver);
  }

  remove(nodeId: string): void {
    this.#listeners.delete(nodeId);
  }
}
