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

  test('is cut when it is long, after its secrets went', () => {
    const logged = redactBody({ token: 'hush', note: 'x'.repeat(100_000) }) as string;
    expect(logged).toHaveLength(4_096 + '… (100032 characters)'.length);
    expect(logged).toMatch(/^\{"token":"\[redacted\]","note":"x+… \(100032 characters\)$/);
  });

  test('may be nested deeper than the stack', () => {
    expect(redactBody(JSON.parse(`${'['.repeat(30_000)}${']'.repeat(30_000)}`))).toBe('[not shown]');
  });
});
