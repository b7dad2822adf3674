import { expect, test } from '@jest/globals';
import { ChangeQueue } from '../../gateway/client/change-queue.ts';
import { TopicView } from '../../gateway/client/topic-view.ts';
import type { ChangeView, SessionView } from '../../gateway/protocol/messages.ts';

const session = (userId: string, streamId: string): SessionView => ({
  userId,
  sessionId: 's',
  streamId,
  via: 'socket',
  startedAt: 1,
});
const change = (kind: ChangeView['kind'], userId: string, streamId: string, from?: string): ChangeView => ({
  kind,
  userId,
  sessionId: 's',
  streamId,
  at: 2,
  ...(from !== undefined && { previous: { streamId: from } }),
});
const keys = (view: TopicView): string[] => [...view.sessions.keys()];

test('a snapshot takes the place of the old map only when it is whole', () => {
  const view = new TopicView('all');
  expect(view.page(0, true, [session('a', 'tnt')])).toBe(true);
  const old = view.sessions;
  expect(view.page(0, false, [session('b', 'tnt')])).toBe(false);
  expect(view.sessions).toBe(old);
  expect(view.page(1, true, [session('c', 'tnt')])).toBe(true);
  expect(keys(view)).toEqual(['b/s', 'c/s']);
  expect([...old.keys()]).toEqual(['a/s']);
});

test('[W24] a snapshot that breaks off comes to nothing, one that begins anew begins anew', () => {
  const view = new TopicView('all');
  view.page(0, false, [session('a', 'tnt')]);
  view.page(0, false, [session('b', 'tnt')]);
  view.page(1, true, []);
  expect(keys(view)).toEqual(['b/s']);
  view.page(0, false, [session('c', 'tnt')]);
  view.abort();
  expect(view.page(1, true, [session('d', 'tnt')])).toBe(false);
  expect(keys(view)).toEqual(['b/s']);
});

test('[W25] changes open, update and close; users are distinct', () => {
  const view = new TopicView('all');
  view.page(0, true, [session('a', 'tnt')]);
  view.apply(change('open', 'b', 'espn'));
  view.apply({ ...change('open', 'b', 'abc'), sessionId: 's2' });
  view.apply(change('update', 'a', 'espn', 'tnt'));
  expect(view.total).toEqual({ users: 2, sessions: 3 });
  expect(view.sessions.get('a/s')).toMatchObject({ streamId: 'espn', via: 'socket', startedAt: 1 });
  expect(view.sessions.get('b/s')).toMatchObject({ streamId: 'espn', startedAt: 2 });
  view.apply(change('close', 'b', 'espn'));
  expect(keys(view)).toEqual(['a/s', 'b/s2']);
});

test('[W25] a switch leaves one stream and enters the other', () => {
  const tnt = new TopicView('stream:tnt');
  const espn = new TopicView('stream:espn');
  tnt.page(0, true, [session('a', 'tnt')]);
  espn.page(0, true, []);
  for (const view of [tnt, espn]) view.apply(change('update', 'a', 'espn', 'tnt'));
  expect(keys(tnt)).toEqual([]);
  expect(keys(espn)).toEqual(['a/s']);
});

test('a queue that overflows gives way to one mark, and goes on after it', async () => {
  const left: unknown[] = [];
  const queue = new ChangeQueue<number | 'resync'>(3, 'resync', (it) => left.push(it));
  for (let i = 0; i < 4; i++) queue.push(i);
  queue.push(9);
  expect([await queue.next(), await queue.next()].map((each) => each.value)).toEqual(['resync', 9]);
  const pending = queue.next();
  queue.push(10);
  expect((await pending).value).toBe(10);
  queue.push(11);
  queue.end(new Error('over'));
  expect((await queue.next()).value).toBe(11);
  await expect(queue.next()).rejects.toThrow('over');
  expect((await queue.next()).done).toBe(true);
  await queue.return();
  expect(left).toEqual([queue]);
});
