/** The two ways to the place where the hub stands: through a snapshot, and along the log from an earlier place. */
import type { Change, LogPage } from '../../presence-core/index.ts';
import { changesFrames, changeText, lastPageFrame, NO_PLACE } from './frames.ts';
import type { Hub } from './hub.ts';
import { reaches } from './recent-batches.ts';
import type { SendQueue } from './send-queue.ts';
import type { TopicGroup } from './topic-group.ts';
import type { TopicSnapshot } from './topic-snapshot.ts';

/** A snapshot of which nothing was sent yet. */
export interface Taking {
  readonly what: 'snapshot';
  readonly snapshot: TopicSnapshot;
}

/** A walk along the log. */
export interface Following {
  readonly what: 'follow';
  readonly generation: object;
  cursor: string;
  /** Up to where changes were delivered, per shard: sometimes ahead of `cursor` and of the hub. */
  delivered: readonly number[];
  /** The snapshot before it. */
  readonly snapshot?: TopicSnapshot;
  /** Of that snapshot: held back until it is known whether it stands at a place in the log. */
  lastPage?: TopicSnapshot['lastPage'] | undefined;
  /** Read already. */
  page?: LogPage | undefined;
}

export type Task = { readonly what: 'begin' } | Taking | Following;

export interface Listener {
  readonly group: TopicGroup;
  readonly queue: SendQueue;
  /** False when it is no longer wanted. */
  listens(): boolean;
}

/** Joins the snapshot that others of the topic wait for, else begins one. */
export async function takeSnapshot(hub: Hub, group: TopicGroup): Promise<Taking> {
  const { snapshots } = hub;
  await snapshots.settled();
  const snapshot = await group.sharedSnapshot(hub.generation, () => snapshots.of(group.topic, () => hub));
  await snapshot.first();
  return { what: 'snapshot', snapshot };
}

/** Sends all pages but the last. */
export async function pageOut(hub: Hub, { queue, listens }: Listener, { snapshot }: Taking): Promise<Task> {
  const { cursor, generation } = snapshot;
  const reading = snapshot.begin();
  try {
    for (let frame = await reading.next(); frame !== undefined; frame = await reading.next()) {
      await queue.write(frame, listens);
      if (!listens() || generation !== hub.generation) return { what: 'begin' };
    }
  } finally {
    reading.end();
  }
  const delivered = hub.store.log.positions(cursor);
  return { what: 'follow', generation, cursor, delivered, snapshot, lastPage: snapshot.lastPage };
}

/** @returns true in the turn in which the hub's place is reached; false when the log no longer leads there. */
export async function catchUp(hub: Hub, listener: Listener, task: Following): Promise<boolean> {
  while (listener.listens()) {
    if (task.generation !== hub.generation) return false;
    const shards = hub.shardsOf(listener.group.topic);
    const batches = task.page ? undefined : hub.since(hub.store.log.positions(task.cursor), shards);
    if (batches === undefined) {
      const page = task.page ?? (await hub.read(task.cursor, shards));
      task.page = undefined;
      if (page.gap) return false;
      await deliver(hub, listener, task, page.changes, page.cursor);
    } else if (batches.length > 0) {
      for (const { changes, cursor } of batches) await deliver(hub, listener, task, changes, cursor);
    } else if (!isPlace(task, hub.positions, shards)) {
      await hub.moved();
    } else if (task.lastPage) {
      await deliver(hub, listener, task, [], hub.cursor);
    } else {
      return true;
    }
  }
  return false;
}

/** Whether these positions include all that the client was sent. */
function isPlace(
  { delivered, snapshot }: Following,
  positions: readonly number[],
  shards: readonly number[] | undefined,
): boolean {
  return reaches(positions, delivered, shards) && (!snapshot || reaches(positions, snapshot.reflects, shards));
}

/** Delivers what is news to the client. After it, it knows everything up to `cursor`. */
async function deliver(
  hub: Hub,
  { group, queue, listens }: Listener,
  task: Following,
  changes: readonly Change[],
  cursor: string,
): Promise<void> {
  if (!listens()) return;
  const { delivered, snapshot, lastPage } = task;
  const positions = hub.store.log.positions(cursor);
  const isAtPlace = isPlace(task, positions, hub.shardsOf(group.topic));
  const rows = changes
    .filter((c) => c.sequence > (delivered[c.shard] ?? 0) && hub.concerns(group, c) && !snapshot?.has(c))
    .map(changeText);
  task.cursor = cursor;
  task.delivered = positions.map((position, shard) => Math.max(position, delivered[shard] ?? 0));
  if (rows.length === 0 && !(lastPage && isAtPlace)) return;
  const place = isAtPlace ? hub.store.log.shorten(cursor) : NO_PLACE;
  if (lastPage) {
    task.lastPage = undefined;
    const after = rows.length > 0 ? NO_PLACE : place;
    const isDegraded = snapshot?.isDegraded === true;
    if (isDegraded) hub.snapshots.repeatWhenWhole(group);
    await queue.write(lastPageFrame(group.topic.text, lastPage, after, isDegraded), listens);
  }
  if (rows.length === 0) return;
  for (const { text } of changesFrames(group.topic.text, rows, place)) await queue.write(text, listens);
}
