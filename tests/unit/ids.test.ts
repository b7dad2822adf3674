/** What may be an id, and that nothing that keeps ids beside each other takes one for another. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { keyOf } from '../../gateway/client/topic-view.ts';
import { usersTopic } from '../../gateway/protocol/users-topic.ts';
import { issueResumeToken, readResumeToken } from '../../gateway/sessions/resume-token.ts';
import { parseTopic, topicOf } from '../../gateway/subscriptions/topics.ts';
import { areIds, escapeId, isId, unescapeId } from '../../presence-core/index.ts';
import { shardPrefix, userKeys } from '../../presence-core/redis/keys.ts';
import { attributesText, parseLine } from '../../presence-core/redis/rows.ts';
import { HOSTILE_IDS, hostileId, manyHostileIds } from '../support/hostile-ids.ts';

const NO_IDS = [
  ['', 'nothing'],
  ['*', 'the mark of presence'],
  ['a b', 'a blank'],
  ['a\u00a0b', 'a blank that does not break'],
  ['a\u2028', 'a line separator'],
  ['a\n', 'a line end'],
  ['\0', 'NUL'],
  ['a\x1f', 'a control character'],
  ['a\x7f', 'DEL'],
  ['a\u0085', 'a control character beyond ASCII'],
  ['a\u200d', 'a joiner'],
  ['\u202eabc', 'a turn of direction'],
  ['\ufeffa', 'a byte order mark'],
  ['\ud83d', 'half a pair'],
  ['\ude00\ud83d', 'a pair the wrong way round'],
  ['\ue000', 'private use'],
  ['\u{10ffff}', 'no character'],
  ['\u0378', 'unassigned'],
  ['x'.repeat(256), '256 characters'],
  ['😀'.repeat(129), '516 bytes'],
  ['€'.repeat(171), '513 bytes'],
  [7, 'a number'],
  [null, 'null'],
] as const;

describe('[P13] ids', () => {
  test.each(HOSTILE_IDS)('%j is one', (id) => {
    expect(isId(id)).toBe(true);
  });

  test.each<readonly [value: unknown, what: string]>(NO_IDS)('%j is none: %s', (value) => {
    expect(isId(value)).toBe(false);
    if (typeof value === 'string') expect(areIds(['a', value, 'b'])).toBe(false);
  });

  test('lists are checked as each by itself', () => {
    expect(areIds(HOSTILE_IDS)).toBe(true);
    expect(areIds([])).toBe(true);
    const any = fc.oneof(hostileId, fc.constantFrom('*', '', 'a b', '\u200d'));
    fc.assert(fc.property(fc.array(any), (list) => expect(areIds(list)).toBe(list.every(isId))));
  });
});

const id = fc.oneof(hostileId, fc.constantFrom(...HOSTILE_IDS));
const pair = fc.tuple(id, id);

describe('[P13] no two ids, or pairs of them, are the same', () => {
  test('escaped and back, and ids without the separator stay as they are', () => {
    const property = fc.property(id, fc.constantFrom('|', '~'), (one, separator) => {
      const escaped = escapeId(one, separator);
      expect(escaped).not.toContain(separator);
      expect(unescapeId(escaped, separator)).toBe(one);
      expect(Buffer.byteLength(escaped)).toBe(Buffer.byteLength(one));
      if (!one.includes(separator)) expect(escaped).toBe(one);
    });
    fc.assert(property);
  });

  test('in rows of Redis', () => {
    const property = fc.property(pair, pair, ([user, session], [streamId, deviceId]) => {
      const attributes = { streamId, deviceId, country: 'DE', meta: { a: '|' } };
      const row = `h|3|1|0|0|1${attributesText(attributes)}`;
      const line = parseLine(user, `opened|2|${escapeId(session, '|')}|${row}`);
      expect(line.session).toEqual({
        ...{ userId: user, sessionId: session, via: 'heartbeat', startedAt: 1, expiresAt: 2 },
        ...attributes,
      });
    });
    fc.assert(property);
  });

  test('in the keys of users, which stay in the slot of their shard', () => {
    // A Cluster hashes what is between the first brace and the next that closes.
    const tagOf = (key: string): string | undefined => /^[^{]*\{([^}]+)\}/.exec(key)?.[1];
    const prefix = shardPrefix('presence', 7);
    const ids = manyHostileIds(100);
    const keys = ids.flatMap((userId) => userKeys(prefix, userId, '3'));
    expect(new Set(keys).size).toBe(ids.length + 1);
    for (const key of keys) expect(tagOf(key)).toBe('presence:7');
  });

  test('in resume tokens', () => {
    const property = fc.property(pair, fc.boolean(), ([userId, sessionId], isKnown) => {
      const identity = { userId, scopes: 1, expiresAt: 9, limit: 2, onLimit: 'reject' } as const;
      const claim = { userId, sessionId, startedAt: 5, orStartedAt: [6], ...(isKnown && { identity }) };
      expect(readResumeToken('secret', issueResumeToken('secret', claim))).toEqual(claim);
    });
    fc.assert(property);
  });

  test('in the map of a subscription', () => {
    const property = fc.property(pair, pair, (one, other) => {
      const key = ([userId, sessionId]: readonly [string, string]): string => keyOf({ userId, sessionId });
      expect(key(one) === key(other)).toBe(one[0] === other[0] && one[1] === other[1]);
    });
    fc.assert(property, { numRuns: 1_000 });
    expect(keyOf({ userId: 'ann', sessionId: 'tv/1' })).toBe('ann/tv/1');
  });

  test('[W23] in topics, as text and as an array', () => {
    const property = fc.property(fc.uniqueArray(id, { minLength: 1, maxLength: 20 }), (ids) => {
      const text = usersTopic(ids);
      expect(parseTopic(text)).toMatchObject({ text, kind: 'users', userIds: ids });
      expect(topicOf({ topic: 'users', ids })).toEqual(parseTopic(text));
      const encoded = `users:${ids.map(encodeURIComponent).join(',')}`;
      expect(parseTopic(encoded)).toMatchObject({ text: encoded, userIds: ids });
      for (const one of ids) {
        expect(parseTopic(`user:${one}`)).toMatchObject({ userIds: [one] });
        expect(parseTopic(`stream:${one}`)).toMatchObject({ streamId: one });
      }
    });
    fc.assert(property);
    expect(usersTopic(['ann', 'me+tv@x'])).toBe('users:ann,me+tv@x');
    expect(parseTopic('users:a,100%')).toBeUndefined();
    expect(parseTopic('users:%ff')).toBeUndefined();
    expect(topicOf({ topic: 'users', ids: [] })).toBeUndefined();
  });
});
