import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { Identity } from '../../gateway/auth/identity.ts';
import { TokenExpiry, type TokenHolder } from '../../gateway/auth/token-expiry.ts';
import type { ServerMessage } from '../../gateway/protocol/messages.ts';
import { issueResumeToken, readResumeToken } from '../../gateway/sessions/resume-token.ts';

let expiry: TokenExpiry;
beforeEach(() => {
  jest.useFakeTimers({ now: 1_700_000_000_000 });
  expiry = new TokenExpiry();
});
afterEach(() => {
  expiry.stop();
  jest.useRealTimers();
});

interface Told extends TokenHolder {
  identity: Identity;
  readonly told: [what: string, atMs: number][];
}

function holder(lifeMs?: number): Told {
  const begun = Date.now();
  const told: Told['told'] = [];
  const links = {} as Pick<Told, 'dueNext' | 'duePrev'>;
  const made: Told = Object.assign(links, {
    identity: { scopes: 1, ...(lifeMs !== undefined && { expiresAt: begun + lifeMs }) },
    expiryNotified: false,
    told,
    send: ({ type }: ServerMessage) => void told.push([type, Date.now() - begun]),
    end: (name: string) => void told.push([name, Date.now() - begun]),
  });
  made.dueNext = made;
  made.duePrev = made;
  return made;
}

describe('the end of a token', () => {
  test('[W20] is told 30 s ahead, or at half the life of a shorter one', () => {
    const [long, short] = [holder(3_600_000), holder(10_000)];
    for (const each of [long, short]) expiry.track(each);
    jest.advanceTimersByTime(4_000_000);
    expect(long.told).toEqual([
      ['token_expiring', 3_570_000],
      ['token_expired', 3_600_000],
    ]);
    expect(short.told).toEqual([
      ['token_expiring', 5_000],
      ['token_expired', 10_000],
    ]);
  });

  test('[W20] is never before its instant', () => {
    const odd = holder(10_001);
    expiry.track(odd);
    jest.advanceTimersByTime(20_000);
    expect(odd.told.at(-1)).toEqual(['token_expired', 10_250]);
  });

  test('moves with a new token, before and after the notice', () => {
    const player = holder(10_000);
    expiry.track(player);
    jest.advanceTimersByTime(6_000);
    player.identity = { scopes: 1, expiresAt: Date.now() + 100_000 };
    expiry.track(player);
    jest.advanceTimersByTime(60_000);
    player.identity = { scopes: 1, expiresAt: Date.now() + 2_000 };
    expiry.track(player);
    jest.advanceTimersByTime(3_000);
    expect(player.told.map(([what]) => what)).toEqual(['token_expiring', 'token_expiring', 'token_expired']);
  });

  test('does not come for who has gone, nor for who has no token', () => {
    const [gone, anyone] = [holder(10_000), holder()];
    for (const each of [gone, anyone]) expiry.track(each);
    expiry.untrack(gone);
    jest.advanceTimersByTime(100_000);
    expect([gone.told, anyone.told]).toEqual([[], []]);
  });

  test('that has passed while the process slept comes at once', () => {
    const player = holder(10_000);
    expiry.track(player);
    jest.setSystemTime(Date.now() + 86_400_000);
    jest.advanceTimersByTime(500);
    expect(player.told.map(([what]) => what)).toEqual(['token_expiring', 'token_expired']);
  });
});

describe('a resume token', () => {
  const session = { userId: 'u', sessionId: 's', startedAt: 1_700_000_000_000 };

  test.each<[string, Identity | undefined]>([
    ['nothing', undefined],
    ['a plain token', { userId: 'u', scopes: 1, expiresAt: 1_700_000_100_000 }],
    ['all claims', { userId: 'u', scopes: 7, expiresAt: 1_700_000_100_000, limit: 100, onLimit: 'evict-oldest' }],
    ['a token without end in sight', { userId: 'u', scopes: 1, expiresAt: Number.MAX_SAFE_INTEGER, onLimit: 'reject' }],
  ])('carries %s', (_, identity) => {
    const claim = { ...session, ...(identity && { identity }) };
    const token = issueResumeToken('secret', claim);
    expect(readResumeToken('secret', token)).toEqual(claim);
    expect(readResumeToken('other', token)).toBeUndefined();
    const [body, signature] = token.split('.') as [string, string];
    const forged = Buffer.from(body, 'base64url').toString().replace('u~', 'v~');
    expect(readResumeToken('secret', `${Buffer.from(forged).toString('base64url')}.${signature}`)).toBeUndefined();
  });
});
