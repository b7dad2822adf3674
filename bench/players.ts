/** Sessions as a streaming service has them: of five users, four watch on one screen and one on two. */
import { randomBytes } from 'node:crypto';
import type { Attributes } from '../presence-core/index.ts';

export interface BenchSession {
  readonly userId: string;
  readonly sessionId: string;
  readonly attributes: Attributes;
}

const DEVICES = ['android', 'ios', 'web', 'tvos', 'firetv', 'roku', 'tizen', 'webos'];
const STATES = ['CA', 'TX', 'NY', 'FL', 'IL', 'PA', 'OH', 'GA'];
const STREAMS = 500;

export function makeSessions(count: number): BenchSession[] {
  return Array.from({ length: count }, (_, i) => {
    const user = i % 6 === 5 ? i - 1 : i;
    const sessionId = randomBytes(17).toString('base64url').slice(0, 22);
    return {
      userId: `user-${String(user).padStart(8, '0')}`,
      sessionId,
      attributes: {
        streamId: `channel-${(i * 7919) % STREAMS}`,
        deviceId: `dev-${sessionId.slice(0, 12)}`,
        deviceType: DEVICES[i % DEVICES.length] as string,
        country: 'US',
        state: STATES[(i * 31) % STATES.length] as string,
      },
    };
  });
}

/** Runs `work` over all items with `lanes` of them at once. */
export async function inLanes<T>(
  items: readonly T[],
  lanes: number,
  work: (item: T, i: number) => Promise<unknown>,
): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < items.length) {
      const i = next++;
      await work(items[i] as T, i);
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}
