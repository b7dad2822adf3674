/** Whose connection it is: the peer's address, or the client that trusted proxies name in `X-Forwarded-For`. */
import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

/** An address, or a range of them in CIDR notation. */
export function isAddressRange(written: string): boolean {
  const [address = '', prefix] = written.split('/', 2);
  // ipaddr.js also reads short forms such as 10.1, which would be an address by mistake.
  if (isIP(address) === 0) return false;
  return prefix === undefined ? written === address : ipaddr.isValidCIDR(written);
}

export type ClientAddress = (remoteAddress: string, forwardedFor: string | undefined) => string;

/** IPv4 as mapped into IPv6, so that one comparison serves both. */
function asIPv6(address: string): ipaddr.IPv6 {
  const parsed = ipaddr.parse(address);
  return parsed instanceof ipaddr.IPv4 ? parsed.toIPv4MappedAddress() : parsed;
}

function rangeOf(written: string): [ipaddr.IPv6, number] {
  const [address = '', bits] = written.split('/');
  if (bits === undefined) return [asIPv6(address), 128];
  return [asIPv6(address), Number(bits) + (isIP(address) === 4 ? 96 : 0)];
}

/**
 * The header is read from its end, each entry on the word of the one behind it: the first address that belongs to no
 * trusted proxy is the client. Anyone may have written what stands before it.
 */
export function createClientAddress(trustedProxies: readonly string[]): ClientAddress {
  // Each connection comes here: without a proxy to trust there is nothing to parse.
  if (trustedProxies.length === 0) return plain;
  const trusted = trustedProxies.map(rangeOf);
  const isTrusted = (address: string): boolean => {
    if (isIP(address) === 0) return false;
    const parsed = asIPv6(address);
    return trusted.some((range) => parsed.match(range));
  };
  return (remoteAddress, forwardedFor) => {
    let client = plain(remoteAddress);
    const hops = forwardedFor?.split(',') ?? [];
    while (isTrusted(client)) {
      const hop = plain(withoutPort(hops.pop()?.trim() ?? ''));
      if (isIP(hop) === 0) break;
      client = hop;
    }
    return client;
  };
}

/** IPv4 in dotted form also where it is mapped into IPv6: so a socket that listens on both shows it. */
function plain(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/i, '');
}

/** Some proxies add the port of the client, and brackets around IPv6. */
function withoutPort(hop: string): string {
  return hop.replace(/^\[(.*)\](?::\d+)?$/, '$1').replace(/^(\d+\.\d+\.\d+\.\d+):\d+$/, '$1');
}

/** What one client is likely to have: an IPv4 address, or the /64 of IPv6 that a household gets. */
export function addressKey(address: string): string {
  if (isIP(address) !== 6) return address;
  const parsed = ipaddr.process(address);
  if (parsed instanceof ipaddr.IPv4) return parsed.toString();
  const network = parsed.parts.slice(0, 4);
  return network.map((group) => group.toString(16)).join(':');
}
