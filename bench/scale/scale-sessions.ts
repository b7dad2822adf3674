/** Sessions by their number, so that ten million of them need no memory here. */
import { hash32 } from '../../presence-core/user-hash.ts';
import type { BenchSession } from '../players.ts';

const DEVICES = ['android', 'ios', 'web', 'tvos', 'firetv', 'roku', 'tizen', 'webos'];
const STATES = ['CA', 'TX', 'NY', 'FL', 'IL', 'PA', 'OH', 'GA'];
const SESSION_ID_SEEDS = [11, 12, 13, 14];
const SESSION_ID_LENGTH = 22;

/** Which stream the session of a number watches. */
export type StreamOf = (number: number) => string;

/** An even audience. */
export function evenStreams(count: number): StreamOf {
  return (number) => `channel-${(number * 7_919) % count}`;
}

/** As `makeSessions` has them: of five users, four watch on one screen and one on two. */
export function scaleSession(number: number, streamOf: StreamOf): BenchSession {
  const text = String(number);
  let sessionId = '';
  for (const seed of SESSION_ID_SEEDS) sessionId += hash32(text, seed).toString(36).padStart(7, '0');
  sessionId = sessionId.slice(-SESSION_ID_LENGTH);
  return {
    userId: scaleUser(number),
    sessionId,
    attributes: {
      streamId: streamOf(number),
      deviceId: `dev-${sessionId.slice(0, 12)}`,
      deviceType: DEVICES[number % DEVICES.length] as string,
      country: 'US',
      state: STATES[(number * 31) % STATES.length] as string,
    },
  };
}

/** Whether the session is the second one of the user of the session before. */
export function isSecond(number: number): boolean {
  return number % 6 === 5;
}

/** Whose the session of a number is. */
export function scaleUser(number: number): string {
  return `user-${String(isSecond(number) ? number - 1 : number).padStart(8, '0')}`;
}
