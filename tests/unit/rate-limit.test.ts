import { describe, expect, test } from '@jest/globals';
import { addressKey, createClientAddress, isAddressRange } from '../../gateway/limits/client-address.ts';
import { ClientRate, Rate } from '../../gateway/limits/rate-limit.ts';

describe('a bucket', () => {
  test('gives its burst at once, then what its rate allows', () => {
    const rate = new ClientRate(new Rate(10, 3));
    expect([1, 2, 3].map(() => rate.take('a', 0))).toEqual([0, 0, 0]);
    expect(rate.take('a', 0)).toBeCloseTo(100, 1);
    expect(rate.take('a', 50)).toBeCloseTo(50, 1);
    expect(rate.waitMs('a', 100)).toBe(0);
    expect([rate.take('a', 100), rate.take('a', 100) > 0]).toEqual([0, true]);
    expect(rate.take('b', 100)).toBe(0);
    expect([1, 2, 3].map(() => rate.take('a', 10_000))).toEqual([0, 0, 0]);
  });

  test('holds as much as a second gives when no burst is named, whatever the clock says', () => {
    for (const now of [0, 1_234_567_890.123]) {
      const rate = new ClientRate(new Rate(7, 0));
      const waits = Array.from({ length: 8 }, () => rate.take('a', now));
      expect(waits.filter((wait) => wait === 0)).toHaveLength(7);
    }
  });

  test('is forgotten when full, and beyond the bound when unused for longest', () => {
    const rate = new ClientRate(new Rate(1, 1), 100);
    for (let i = 0; i < 10_000; i++) rate.take(`flood${i}`, i / 1_000);
    expect(rate.buckets).toBe(100);
    for (let i = 0; i < 100; i++) rate.take('a', 100_000 + i * 2_000);
    expect(rate.buckets).toBeLessThan(3);
  });
});

describe('the address of a client', () => {
  const address = createClientAddress(['10.0.0.0/8', '192.0.2.7', 'fd00::/8']);

  test.each<[string, string | undefined, string, string]>([
    ['203.0.113.5', '198.51.100.1', '203.0.113.5', 'no proxy of ours: what it says counts for nothing'],
    ['10.0.0.1', undefined, '10.0.0.1', 'a proxy that says nothing'],
    ['10.0.0.1', '198.51.100.1', '198.51.100.1', 'one proxy'],
    ['::ffff:10.0.0.1', '198.51.100.1', '198.51.100.1', 'mapped into IPv6'],
    ['10.0.0.1', '6.6.6.6, 198.51.100.1, 192.0.2.7', '198.51.100.1', 'a chain, whose beginning the client wrote'],
    ['fd00::1', '2001:db8::5', '2001:db8::5', 'IPv6'],
    ['10.0.0.1', '[2001:db8::5]:443', '2001:db8::5', 'with a port'],
    ['10.0.0.1', '198.51.100.1:555', '198.51.100.1', 'with a port'],
    ['10.0.0.1', '198.51.100.1, nonsense', '10.0.0.1', 'what is no address ends the chain'],
    ['10.0.0.1', '10.0.0.3, 10.0.0.2', '10.0.0.3', 'only proxies'],
  ])('%s with %j is %s: %s', (remote, forwarded, client) => {
    expect(address(remote, forwarded)).toBe(client);
  });

  test.each([
    ['::/0', '203.0.113.5', true],
    ['0.0.0.0/0', '203.0.113.5', true],
    ['0.0.0.0/0', '2001:db8::1', false],
    ['::ffff:10.0.0.0/104', '10.1.2.3', true],
    ['10.0.0.0/8', '::ffff:a01:203', true],
    ['2001:db8::/32', '2001:db9::1', false],
  ])('a proxy in %s may be at %s: %s', (range, remote, isTrusted) => {
    const client = createClientAddress([range])(remote, '198.51.100.1');
    expect(client).toBe(isTrusted ? '198.51.100.1' : remote);
  });

  test.each(['10.1', '0x0a.0.0.1', '010.0.0.1', '10.0.0.0/33', '::1/129', '10.0.0.0/8/8', '10.0.0.1/', '/8', ''])(
    '%j is no address of a proxy',
    (written) => {
      expect(isAddressRange(written)).toBe(false);
    },
  );

  test('without trusted proxies the header is not looked at', () => {
    expect(createClientAddress([])('127.0.0.1', '198.51.100.1')).toBe('127.0.0.1');
  });

  test.each([
    ['198.51.100.1', '198.51.100.1'],
    ['2001:db8:0:1:2:3:4:5', '2001:db8:0:1'],
    ['2001:0DB8::5', '2001:db8:0:0'],
    ['2001:db8:0:1::', '2001:db8:0:1'],
    ['::1', '0:0:0:0'],
    ['fe80::1%eth0', 'fe80:0:0:0'],
    ['::ffff:198.51.100.1', '198.51.100.1'],
    ['::ffff:c633:6401', '198.51.100.1'],
  ])('%s shares the bucket of %s', (written, key) => {
    expect(addressKey(written)).toBe(key);
  });
});
