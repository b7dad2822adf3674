/** Whose connection it is: the peer's address, or what trusted proxies say of it. */
import { BlockList, isIP } from 'node:net';

const familyOf = (address: string): 'ipv4' | 'ipv6' => (isIP(address) === 4 ? 'ipv4' : 'ipv6');

/** An address, or a range of them in CIDR notation. */
export function isAddressRange(written: string): boolean {
  const [address = '', prefix, ...rest] = written.split('/');
  const bits = isIP(address) === 4 ? 32 : 128;
  return (
    isIP(address) > 0 && rest.length === 0 && (prefix === undefined || (/^\d{1,3}$/.test(prefix) && +prefix <= bits))
  );
}

export type ClientAddress = (remoteAddress: string, forwardedFor: string | undefined) => string;

/**
 * The header is read from its end, each entry on the word of the one behind it: the first address that no proxy of
 * ours has is the client. What stands before it, anyone may have written.
 */
export function createClientAddress(trustedProxies: readonly string[]): ClientAddress {
  const trusted = new BlockList();
  for (const range of trustedProxies) {
    const [address, prefix] = range.split('/') as [string, string?];
    if (prefix === undefined) trusted.addAddress(address, familyOf(address));
    else trusted.addSubnet(address, Number(prefix), familyOf(address));
  }
  return (remoteAddress, forwardedFor) => {
    let client = plain(remoteAddress);
    const hops = forwardedFor === undefined || trustedProxies.length === 0 ? [] : forwardedFor.split(',');
    while (isIP(client) > 0 && trusted.check(client, familyOf(client))) {
      const hop = plain(hops.pop()?.trim() ?? '');
      if (isIP(hop) === 0) break;
      client = hop;
    }
    return client;
  };
}

/** Without the port that some proxies add; IPv4 in dotted form also when mapped into IPv6. */
function plain(address: string): string {
  const bare = address.replace(/^\[(.*)\](?::\d+)?$/, '$1').replace(/^(\d+\.\d+\.\d+\.\d+):\d+$/, '$1');
  return bare.replace(/^::ffff:(?=\d+\.)/i, '');
}

/** What one client is likely to have: an IPv4 address, or the /64 of IPv6 that a household gets. */
export function addressKey(address: string): string {
  if (isIP(address) !== 6) return address;
  const [head = '', tail] = (address.split('%', 1)[0] as string).split('::');
  const groups = head === '' ? [] : head.split(':');
  const missing = tail === undefined ? 0 : 8 - groups.length - (tail === '' ? 0 : tail.split(':').length);
  const all = [...groups, ...Array<string>(Math.max(0, missing)).fill('0'), ...(tail ? tail.split(':') : [])];
  return all
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':');
}
