import { expect, test } from '@jest/globals';
import { PendingUpdate } from '../../gateway/client/pending-update.ts';
import { PresenceError } from '../../gateway/client/presence-error.ts';

const REFUSED = new PresenceError('invalid_request', 'no');

test('one message is on its way; what comes meanwhile is merged, the latest wins', async () => {
  const sync = new PendingUpdate({ streamId: 'a', country: 'US' });
  const first = sync.set({ streamId: 'b' });
  expect(sync.take()).toEqual({ streamId: 'b' });
  const others = [sync.set({ streamId: 'c' }), sync.set({ streamId: 'd', state: 'CA' })];
  expect(sync.take()).toBeUndefined();
  sync.confirm();
  await first;
  expect(sync.take()).toEqual({ streamId: 'd', state: 'CA' });
  sync.confirm();
  await Promise.all(others);
  expect(sync.fields).toEqual({ streamId: 'd', country: 'US', state: 'CA' });
  expect(sync.take()).toBeUndefined();
});

test('what was lost on its way is said again, under what was said since', async () => {
  const sync = new PendingUpdate({});
  const lost = sync.set({ streamId: 'a', country: 'US' });
  sync.take();
  const later = sync.set({ streamId: 'b' });
  sync.putBack();
  expect(sync.take()).toEqual({ streamId: 'b', country: 'US' });
  sync.confirm();
  await Promise.all([lost, later]);
});

test('what the server does not want is forgotten, and does not spoil the next hello', async () => {
  const sync = new PendingUpdate({ streamId: 'a' });
  const bad = sync.set({ country: '/' });
  sync.take();
  const good = sync.set({ state: 'CA' });
  sync.refuse(REFUSED);
  await expect(bad).rejects.toBe(REFUSED);
  expect(sync.fields).toEqual({ streamId: 'a', state: 'CA' });
  sync.take();
  sync.confirm();
  await good;
});

test('at the end all who wait are told, and the fields stay for a later hello', async () => {
  const sync = new PendingUpdate({});
  const flying = sync.set({ streamId: 'a' });
  sync.take();
  const waiting = sync.set({ state: 'CA' });
  sync.end(REFUSED);
  await expect(flying).rejects.toBe(REFUSED);
  await expect(waiting).rejects.toBe(REFUSED);
  expect(sync.fields).toEqual({ streamId: 'a', state: 'CA' });
});

test('an undefined field was not told', () => {
  const sync = new PendingUpdate({ streamId: 'a' });
  void sync.set({ streamId: undefined } as unknown as { streamId: string });
  expect(sync.fields).toEqual({ streamId: 'a' });
});
