import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { SendQueue } from '../../gateway/subscriptions/send-queue.ts';

/** A socket whose peer reads only when told to. */
class Peer {
  readonly id = 1;
  readonly remoteAddress = '';
  readonly sent: string[] = [];
  bufferedBytes = 0;
  send(text: string): boolean {
    this.sent.push(text);
    this.bufferedBytes += text.length;
    return true;
  }
  ping(): void {}
  close(): void {}
  terminate(): void {}
}

const KB = (kilobytes: number, letter = 'x'): string => letter.repeat(kilobytes * 1_024);
const always = (): boolean => true;

describe('SendQueue', () => {
  let peer: Peer;
  let queue: SendQueue;
  const events: string[] = [];
  beforeEach(() => {
    jest.useFakeTimers();
    peer = new Peer();
    events.length = 0;
    queue = new SendQueue(peer, { drained: () => events.push('drained'), tooSlow: () => events.push('too slow') });
  });
  afterEach(() => {
    queue.close();
    jest.useRealTimers();
  });

  test('[P14] [W30] sends until half of the bound is queued, then nothing until the socket has drained', async () => {
    expect([queue.send(KB(100)), queue.send(KB(30)), queue.send('more')]).toEqual([true, true, false]);
    await jest.advanceTimersByTimeAsync(1_000);
    expect([queue.send('more'), events]).toEqual([false, []]);
    peer.bufferedBytes = 0;
    await jest.advanceTimersByTimeAsync(100);
    expect(events).toEqual(['drained']);
    expect(queue.send('more')).toBe(true);
    expect(peer.sent).toHaveLength(3);
  });

  test('[P14] [W30] a socket that stays slow is given up', async () => {
    queue.send(KB(200));
    await jest.advanceTimersByTimeAsync(4_900);
    expect(events).toEqual([]);
    await jest.advanceTimersByTimeAsync(200);
    expect(events[0]).toBe('too slow');
  });

  test('[P14] [W30] many who write at once never queue more than one frame beside what waits', async () => {
    const writers = Array.from({ length: 10 }, (_, i) => queue.write(KB(64, String(i)), always));
    for (let round = 0; round < 10; round++) {
      expect(peer.bufferedBytes).toBeLessThanOrEqual(KB(96).length);
      peer.bufferedBytes = 0;
      await jest.advanceTimersByTimeAsync(100);
    }
    await Promise.all(writers);
    expect(peer.sent).toHaveLength(10);
  });

  test('what is no longer wanted is not sent, and nothing waits for a closed socket', async () => {
    queue.send(KB(200));
    let isWanted = true;
    const unwanted = queue.write('unwanted', () => isWanted);
    isWanted = false;
    peer.bufferedBytes = 0;
    await jest.advanceTimersByTimeAsync(100);
    await unwanted;
    queue.send(KB(200));
    const late = queue.write('late', always);
    queue.close();
    await late;
    expect(peer.sent).toEqual([KB(200), KB(200)]);
    expect(queue.send('closed')).toBe(false);
    expect(jest.getTimerCount()).toBe(0);
  });
});
