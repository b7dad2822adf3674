/** One snapshot for all who wait: what is read, what each is given, and what is kept meanwhile. */
import { describe, expect, test } from '@jest/globals';
import { sessionText } from '../../gateway/subscriptions/frames.ts';
import type { SnapshotSource } from '../../gateway/subscriptions/snapshot-source.ts';
import { type SnapshotReading, TopicSnapshot } from '../../gateway/subscriptions/topic-snapshot.ts';
import { StoreError } from '../../presence-core/index.ts';

const SESSIONS_OF_A_READ = 1_000;

/** Gives sessions of a size, so many reads of them, and counts. */
class CountedSource implements SnapshotSource {
  readonly reflects = [0];
  reads = 0;
  private readonly wanted: number;
  private readonly label: string;

  constructor(wanted: number, size = 1) {
    this.wanted = wanted;
    this.label = 'x'.repeat(size);
  }

  async read(): Promise<readonly string[] | undefined> {
    this.reads += 1;
    if (this.reads > this.wanted) return undefined;
    const userId = `u${this.reads}`;
    const session = { userId, sessionId: 's', via: 'socket', startedAt: 1, country: this.label } as const;
    return Array.from({ length: SESSIONS_OF_A_READ }, () => sessionText(session));
  }

  has(): boolean {
    return false;
  }
}

const upheld = async (): Promise<boolean> => true;
const begun = (source: SnapshotSource, isUpheld = upheld) =>
  new TopicSnapshot('all', source, { generation: {}, cursor: 'place', isDegraded: false, isUpheld });

async function all(reading: SnapshotReading): Promise<string[]> {
  const frames: string[] = [];
  for (let frame = await reading.next(); frame !== undefined; frame = await reading.next()) frames.push(frame);
  reading.end();
  return frames;
}

describe('TopicSnapshot', () => {
  test('[W24] is read once, and the same frames go to all, also to whoever comes late', async () => {
    const source = new CountedSource(5);
    const snapshot = begun(source);
    const frames = await Promise.all([all(snapshot.begin()), all(snapshot.begin()), all(snapshot.begin())]);
    const late = await all(snapshot.begin());
    expect(source.reads).toBe(6);
    expect(snapshot.isOpen).toBe(true);
    const pages = frames[0]?.map((text) => JSON.parse(text));
    expect(pages?.map(({ page, last, cursor }) => ({ page, last, cursor }))).toEqual(
      Array.from({ length: 9 }, (_, page) => ({ page, last: false, cursor: '-' })),
    );
    for (const others of [frames[1], frames[2], late]) {
      expect(others?.every((frame, i) => frame === frames[0]?.[i])).toBe(true);
    }
    expect(snapshot.lastPage).toMatchObject({ number: 9, rows: { length: 500 } });
  });

  test('[P14] of more than can be kept, the fastest waits for the slowest, and nobody may come late', async () => {
    // 1 MB a read.
    const source = new CountedSource(80, 1_000);
    const snapshot = begun(source);
    const slow = snapshot.begin();
    await slow.next();
    const fast = all(snapshot.begin());
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(source.reads).toBeGreaterThan(20);
    expect(source.reads).toBeLessThan(50);
    expect(snapshot.isOpen).toBe(false);
    const rest = await all(slow);
    expect(await fast).toEqual([expect.any(String), ...rest]);
    expect(source.reads).toBe(81);
  });

  test('[P14] whoever gives up is not waited for', async () => {
    const snapshot = begun(new CountedSource(80, 1_000));
    const slow = snapshot.begin();
    await slow.next();
    const fast = all(snapshot.begin());
    await new Promise((resolve) => setTimeout(resolve, 100));
    slow.end();
    expect((await fast).length).toBeGreaterThan(1_000);
  });

  test('[W24] a read that fails fails for who asked, and the next goes on where it stopped', async () => {
    const source = new CountedSource(2);
    const snapshot = begun(source);
    const { read } = source;
    source.read = async () => {
      source.read = read;
      throw new Error('away');
    };
    await expect(snapshot.first()).rejects.toThrow('away');
    expect(await all(snapshot.begin())).toHaveLength(3);
  });

  test('[P11] [W24] one of which the store no longer upholds the place has no last page, and nobody joins it any more', async () => {
    const source = new CountedSource(2);
    let asked = 0;
    const snapshot = begun(source, async () => {
      asked += 1;
      expect(source.reads).toBe(3);
      return false;
    });
    const reading = snapshot.begin();
    for (let i = 0; i < 3; i++) expect(JSON.parse((await reading.next()) as string)).toMatchObject({ last: false });
    expect(snapshot.isOpen).toBe(true);
    const [one, other] = await Promise.allSettled([reading.next(), all(snapshot.begin())]);
    for (const outcome of [one, other]) expect(outcome).toMatchObject({ reason: { code: 'store_unavailable' } });
    expect(asked).toBe(1);
    expect(snapshot.isOpen).toBe(false);
    await expect(reading.next()).rejects.toMatchObject({ code: 'store_unavailable' });
  });

  test('[P11] while the store does not answer whether it upholds the place, the snapshot can be gone on with', async () => {
    let isAway = true;
    const snapshot = begun(new CountedSource(2), async () => {
      if (isAway) throw new StoreError('store_unavailable', 'away');
      return true;
    });
    await expect(all(snapshot.begin())).rejects.toMatchObject({ code: 'store_unavailable' });
    isAway = false;
    expect(snapshot.isOpen).toBe(true);
    expect(await all(snapshot.begin())).toHaveLength(3);
  });
});
