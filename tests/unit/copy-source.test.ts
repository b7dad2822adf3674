/** Snapshots out of a copy, while it changes: with the log after them they make the truth. */
import { describe, expect, test } from '@jest/globals';
import { View } from '../../gateway/replica/view.ts';
import { CopySource } from '../../gateway/subscriptions/copy-source.ts';
import { parseTopic, streamsOf, type Topic } from '../../gateway/subscriptions/topics.ts';
import { type Change, MemoryStore } from '../../presence-core/index.ts';
import { drain } from '../contract/store/store-fixture.ts';
import { randomBy } from '../support/presence-churn.ts';

/** So many that a copy is read in several turns. */
const USERS = 12_000;

const topic = (text: string): Topic => parseTopic(text) as Topic;

/** A copy that has heard some of the log of a store. */
class TestCopy {
  readonly store = new MemoryStore({ logMax: 1_000_000 });
  readonly view = new View(10);
  cursor = '';
  isLost = false;
  asOf = 0;
  private readonly random = randomBy(7);

  async act(count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      const userId = `u${Math.floor(this.random() * USERS)}`;
      const ref = { userId, sessionId: 's' };
      const attributes = { streamId: `f${Math.floor(this.random() * 2)}` };
      if (this.random() < 0.3) await this.store.sessions.close({ ...ref, reason: 'left' });
      else if (this.random() < 0.5) await this.store.sessions.update({ ...ref, attributes });
      else await this.store.sessions.open({ ...ref, attributes, owner: 'guard', leaseMs: 60_000, intent: 'fresh' });
    }
  }

  async hear(limit: number): Promise<void> {
    if (this.cursor === '') this.cursor = await this.store.log.head();
    const { changes, cursor } = await this.store.log.read(this.cursor, limit, 0);
    // One assertion for all: each costs more than what it checks.
    expect(changes.filter((change) => !this.view.apply(change))).toEqual([]);
    this.cursor = cursor;
  }
}

function concerns({ kind, userIds, streamId }: Topic, change: Change): boolean {
  if (kind === 'users') return userIds.includes(change.userId);
  return kind === 'all' || streamsOf(change).includes(streamId as string);
}

const keyOf = ({ userId, sessionId }: Pick<Change, 'userId' | 'sessionId'>): string => `${userId} ${sessionId}`;

describe.each(['all', 'stream:f1', 'user:u7', 'users:u1,u2,u3'])('[P11] of %s', (text) => {
  test.each([0, 400])('while it hears %s changes a turn', async (changes) => {
    const copy = new TestCopy();
    await copy.act(3 * USERS);
    await copy.hear(2.5 * USERS);
    const begunAt = copy.cursor;
    const source = new CopySource(copy, topic(text), (cursor) => copy.store.log.positions(cursor));
    const shown = new Set<string>();
    for (;;) {
      const reading = source.read();
      // Comes between the read and its answer.
      const hearing = changes > 0 ? copy.hear(changes) : undefined;
      const rows = await reading;
      await hearing;
      if (!rows) break;
      const keys = rows.map((row) => keyOf(JSON.parse(row)));
      expect(keys.filter((key) => shown.size === shown.add(key).size)).toEqual([]);
      await copy.act(changes / 4);
    }
    const neverShown: string[] = [];
    for (const change of await drain(copy.store, begunAt)) {
      if (!concerns(topic(text), change) || source.has(change)) continue;
      const isOver = change.kind === 'close' || (text === 'stream:f1' && change.streamId !== 'f1');
      if (!isOver) shown.add(keyOf(change));
      else if (!shown.delete(keyOf(change))) neverShown.push(keyOf(change));
    }
    expect(neverShown).toEqual([]);
    const sessions = (await copy.store.reads.sessions(Array.from({ length: USERS }, (_, i) => `u${i}`))).flatMap(
      (user) => user.sessions,
    );
    const wanted = topic(text);
    const truth = sessions.filter(({ streamId, userId }) => {
      if (wanted.kind === 'users') return wanted.userIds.includes(userId);
      return wanted.streamId === undefined || streamId === wanted.streamId;
    });
    expect([...shown].sort()).toEqual(truth.map(keyOf).sort());
  });
});

test('[P11] of a copy that is lost nothing is read', async () => {
  const copy = new TestCopy();
  await copy.act(100);
  await copy.hear(100);
  copy.isLost = true;
  const source = new CopySource(copy, topic('all'), (cursor) => copy.store.log.positions(cursor));
  await expect(source.read()).rejects.toMatchObject({ code: 'store_unavailable' });
});
