/** Messages to the nodes of this process (P5): delivered at once. */
import type { Displaced } from '../session.ts';
import type { InboxMessage, StoreInbox } from '../store/inbox.ts';

export class MemoryInbox implements StoreInbox {
  readonly #listeners = new Map<string, (message: InboxMessage) => void>();

  async notify(displaced: readonly Displaced[], by?: InboxMessage['by']): Promise<void> {
    for (const { session, owner, reason } of displaced) {
      if (typeof owner === 'string') continue;
      const { userId, sessionId } = session;
      this.#listeners.get(owner.nodeId)?.({ userId, sessionId, connection: owner.connection, reason, by });
    }
  }

  listen(nodeId: string, deliver: (message: InboxMessage) => void): void {
    this.#listeners.set(nodeId, deliver);
  }

  remove(nodeId: string): void {
    this.#listeners.delete(nodeId);
  }
}
