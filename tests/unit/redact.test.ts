import { describe, expect, test } from '@jest/globals';
import { redactBody, redactUrl } from '../../gateway/http/redact.ts';

const JWT = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ1In0.c2lnbmF0dXJl';

describe('a URL in the log', () => {
  test.each([
    ['/heartbeat?a=1&token=hush&b=2', '/heartbeat?a=1&token=[redacted]&b=2'],
    ['/x?resumeToken=hush', '/x?resumeToken=[redacted]'],
    ['/x?resume=hush', '/x?resume=[redacted]'],
    ['/x?API-KEY=hush', '/x?API-KEY=[redacted]'],
    ['/x?a=1;access_token=hush', '/x?a=1;access_token=[redacted]'],
    ['/x?%74oken=hush', '/x?%74oken=[redacted]'],
    ['/x?%zz=1&token=hush', '/x?%zz=1&token=[redacted]'],
    [`/status/user/${JWT}`, '/status/user/[redacted]'],
    ['/x?note=Bearer%20abc.def', '/x?note=[redacted]'],
    ['/x?note=bearer+abc.def', '/x?note=[redacted]'],
    ['/x?note=Bearer%0D%0Aabc.def', '/x?note=[redacted]'],
    ['/x?note=Bearer%C2%A0%09abc.def', '/x?note=[redacted]'],
    ['/x?a?token=hush', '/x?a?token=[redacted]'],
    [`/x?note=${JWT}&a=1`, '/x?note=[redacted]&a=1'],
    ['/status/users?ids=u1,u2', '/status/users?ids=u1,u2'],
    ['/analytics?timestamp=1&user=u&event=click', '/analytics?timestamp=1&user=u&event=click'],
  ])('%s', (url, logged) => {
    expect(redactUrl(url)).toBe(logged);
  });

  test('is cut, and what the cut leaves of a secret is redacted', () => {
    const long = `/x?a=${'1'.repeat(2_030)}&token=${'h'.repeat(100)}`;
    expect(redactUrl(long)).toBe(`/x?a=${'1'.repeat(2_030)}&token=[redacted]…`);
    expect(redactUrl(`/x?a=${'1'.repeat(9_999)}`)).toBe(`/x?a=${'1'.repeat(2_043)}…`);
    const longest = `/x?a=${'1'.repeat(2_043)}`;
    expect(redactUrl(longest)).toBe(longest);
    const token = `eyJ${'h'.repeat(100)}.${'h'.repeat(100)}.${'h'.repeat(100)}`;
    expect(redactUrl(`/x?a=${'1'.repeat(2_000)}&b=${token}`)).toBe(`/x?a=${'1'.repeat(2_000)}&b=[redacted]…`);
  });
});

describe('a body in the log', () => {
  test('has its secrets redacted by name at any depth, whatever they hold', () => {
    const names = [
      'token',
      'resumeToken',
      'resume',
      'key',
      'apiKey',
      'x-api-key',
      'Authorization',
      'jwtSecret',
      'cookie',
    ];
    const secrets = Object.fromEntries(names.map((name, i) => [name, i % 2 ? 'hush' : { inner: ['hush'] }]));
    const logged = redactBody({ userId: 'u', ...secrets, list: [{ deep: [secrets] }] });
    expect(JSON.stringify(logged)).not.toContain('hush');
    expect(logged).toMatchObject({ userId: 'u', token: '[redacted]', list: [{ deep: [{ key: '[redacted]' }] }] });
  });

  test('has tokens redacted wherever they stand', () => {
    expect(redactBody({ note: `see ${JWT}!`, header: 'Bearer abc.def', [JWT]: 1 })).toEqual({
      note: 'see [redacted]!',
      header: '[redacted]',
      '[redacted]': 1,
    });
  });

  test('keeps what is no secret', () => {
    const body = { userId: 'u', streamId: 's', deviceType: 'tv', intervalMs: 1_000, ids: ['a', 'b'], none: null };
    expect(redactBody(body)).toEqual(body);
    expect(redactBody(undefined)).toBeUndefined();
  });

  test('is redacted text by text: what JSON escapes is no word, and a token may stand behind any white space', () => {
    for (const body of [{ note: '\bearer abc' }, { '\bearer abc': 1 }, { note: '"\\' }]) {
      expect(redactBody(JSON.parse(JSON.stringify(body)))).toEqual(body);
    }
    for (const space of [' ', '\n', '\t', '\r\n', '\u2028', '   ']) {
      expect(redactBody({ note: `Bearer${space}abc.def` })).toEqual({ note: '[redacted]' });
    }
    expect(redactBody(JSON.parse('{"__proto__":{"token":"hush"},"a":1}'))).toEqual(
      JSON.parse('{"__proto__":{"token":"[redacted]"},"a":1}'),
    );
  });

  test('is cut when it is long, with its secrets redacted', () => {
    expect(redactBody({ token: 'hush', note: 'x'.repeat(100_000) })).toEqual({
      token: '[redacted]',
      note: expect.stringMatching(/^x{4070,4090}…$/),
    });
    const many = redactBody({ ids: Array.from({ length: 10_000 }, (_, i) => `u${i}`), more: 1 }) as { ids: string[] };
    expect(many.ids.slice(-2)).toEqual([expect.stringMatching(/^u\d+$/), '…']);
    expect(JSON.stringify(many).length).toBeLessThan(2 * 4_096);
    const wide = redactBody(Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`k${i}`, 1])));
    expect(Object.keys(wide as object).at(-1)).toBe('…');
    expect(redactBody({ note: `${'x'.repeat(4_000)} eyJ${'h'.repeat(9_000)}` })).toEqual({
      note: `${'x'.repeat(4_000)} [redacted]…`,
    });
  });

  test('costs no more than what is shown of it, whatever it says', () => {
    const texts = [
      'bearer '.repeat(40_000),
      `bearer${' '.repeat(240_000)}`,
      '-eyJ'.repeat(60_000),
      'eyJa.'.repeat(50_000),
      '?'.repeat(240_000),
      '&'.repeat(240_000),
    ];
    // Each of these took seconds to minutes when what follows a beginning was looked for again from each of them.
    for (const text of texts) {
      expect(JSON.stringify(redactBody({ text, list: [text, { [text]: text }] })).length).toBeLessThan(2 * 4_096);
      expect(redactUrl(`/x${text}`).length).toBeLessThanOrEqual(2_060);
    }
  });

  test('may be nested deeper than the stack', () => {
    const logged = JSON.stringify(redactBody(JSON.parse(`${'['.repeat(30_000)}${']'.repeat(30_000)}`)));
    expect(logged).toBe(`${'['.repeat(32)}"[not shown]"${']'.repeat(32)}`);
  });
});
