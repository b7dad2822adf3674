/** The two ways to the place where the hub stands: through a snapshot, and along the log from an earlier place. */
import type { Change, LogPage, Session } from '../../presence-core/index.ts';
import {
  changesFrames,
  changeText,
  MAX_FRAME_LENGTH,
  MAX_PAGE_SESSIONS,
  NO_PLACE,
  sessionText,
  snapshotFrame,
} from './frames.ts';
import type { Hub } from './hub.ts';
import { reaches } from './recent-batches.ts';
import type { SendQueue } from './send-queue.ts';
import { SnapshotReader } from './snapshot-reader.ts';
import { concerns, type Topic } from './topics.ts';

/** A snapshot of which the first sessions are read. */
export interface Taking {
  readonly what: 'snapshot';
  readonly generation: object;
  /** The hub's place before anything was read. */
  readonly cursor: string;
  readonly reader: SnapshotReader;
  readonly first: readonly Session[];
}

/** A walk along the log. */
export interface Following {
  readonly what: 'follow';
  readonly generation: object;
  cursor: string;
  /** Up to where changes were delivered, per shard: sometimes ahead of `cursor` and of the hub. */
  delivered: readonly number[];
  /** The snapshot before it. */
  readonly reader?: SnapshotReader;
  /** Of that snapshot: held back until it is known whether it stands at a place in the log. */
  lastPage?: { readonly number: number; readonly rows: readonly string[] } | undefined;
  /** Read already. */
  page?: LogPage | undefined;
}

export type Task = { readonly what: 'begin' } | Taking | Following;

export interface Listener {
  readonly topic: Topic;
  readonly queue: SendQueue;
  /** False when it is no longer wanted. */
  listens(): boolean;
}

export async function takeSnapshot(hub: Hub, topic: Topic): Promise<Taking> {
  await hub.settled();
  const { generation, cursor, positions } = hub;
  const reader = new SnapshotReader(hub.store, hub.semaphore, topic, positions);
  return { what: 'snapshot', generation, cursor, reader, first: (await reader.read()) ?? [] };
}

/** Sends all pages but the last. */
export async function pageOut(hub: Hub, { topic, queue, listens }: Listener, task: Taking): Promise<Task> {
  const { reader, cursor, generation } = task;
  let number = 0;
  let rows: string[] = [];
  let length = 0;
  for (let sessions: readonly Session[] | undefined = task.first; sessions; sessions = await reader.read()) {
    for (const session of sessions) {
      const row = sessionText(session);
      length += row.length + 1;
      if (rows.length === MAX_PAGE_SESSIONS || length > MAX_FRAME_LENGTH) {
        await queue.write(snapshotFrame(topic.text, number, false, rows, NO_PLACE), listens);
        number += 1;
        rows = [];
        length = row.length;
      }
      rows.push(row);
    }
    if (!listens() || generation !== hub.generation) return { what: 'begin' };
  }
  const delivered = hub.store.log.positions(cursor);
  return { what: 'follow', generation, cursor, delivered, reader, lastPage: { number, rows } };
}

/** @returns true in the turn in which the hub's place is reached; false when the log no longer leads there. */
export async function catchUp(hub: Hub, listener: Listener, task: Following): Promise<boolean> {
  while (listener.listens()) {
    if (task.generation !== hub.generation) return false;
    const shards = hub.shardsOf(listener.topic);
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
function isPlace({ delivered, reader }: Following, positions: readonly number[], shards?: readonly number[]): boolean {
  return reaches(positions, delivered, shards) && (!reader || reaches(positions, reader.reflects, shards));
}

/** Delivers what is news to the client. After it, it knows everything up to `cursor`. */
async function deliver(
  hub: Hub,
  { topic, queue, listens }: Listener,
  task: Following,
  changes: readonly Change[],
  cursor: string,
): Promise<void> {
  if (!listens()) return;
  const { delivered, reader, lastPage } = task;
  const positions = hub.store.log.positions(cursor);
  const place = isPlace(task, positions, hub.shardsOf(topic)) ? cursor : NO_PLACE;
  const rows = changes
    .filter((c) => c.sequence > (delivered[c.shard] ?? 0) && concerns(topic, c) && !reader?.has(c))
    .map(changeText);
  task.cursor = cursor;
  task.delivered = positions.map((position, shard) => Math.max(position, delivered[shard] ?? 0));
  if (lastPage && (rows.length > 0 || place !== NO_PLACE)) {
    task.lastPage = undefined;
    const after = rows.length > 0 ? NO_PLACE : place;
    await queue.write(snapshotFrame(topic.text, lastPage.number, true, lastPage.rows, after), listens);
  }
  if (rows.length === 0) return;
  for (const { text } of changesFrames(topic.text, rows, place)) await queue.write(text, listens);
}
