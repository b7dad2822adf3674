/** Reads an upgrade request of uWS, and refuses it. The request is gone once its handler returns. */
import type { HttpRequest, HttpResponse } from 'uWebSockets.js';
import { refusalHeaders, statusText, type UpgradeOffer } from './handshake.ts';
import type { UpgradeRequest } from './transport.ts';

export function offerOf(req: HttpRequest): UpgradeOffer {
  return {
    method: req.getMethod(),
    upgrade: req.getHeader('upgrade'),
    key: req.getHeader('sec-websocket-key'),
    version: req.getHeader('sec-websocket-version'),
  };
}

export function factsOf(res: HttpResponse, req: HttpRequest): UpgradeRequest {
  return {
    path: req.getUrl(),
    remoteAddress: addressText(new Uint8Array(res.getRemoteAddress())),
    origin: req.getHeader('origin') || undefined,
    forwardedFor: forwardedFor(req),
  };
}

export function refuse(res: HttpResponse, status: number): void {
  res.writeStatus(`${status} ${statusText(status)}`);
  for (const [name, value] of refusalHeaders(status)) res.writeHeader(name, value);
  res.end(statusText(status), true);
}

/** A proxy may add a line of its own rather than extend the client's: all lines count, in order, as in node:http. */
function forwardedFor(req: HttpRequest): string | undefined {
  if (req.getHeader('x-forwarded-for') === '') return undefined;
  const lines: string[] = [];
  req.forEach((name, value) => {
    if (name === 'x-forwarded-for') lines.push(value);
  });
  return lines.join(', ');
}

/** The bytes of an address as node:net would write it, an IPv4 address mapped into IPv6 in dotted form. */
function addressText(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.');
  if (bytes.length !== 16) return '';
  const isMapped = bytes.subarray(0, 10).every((byte) => byte === 0) && bytes[10] === 0xff && bytes[11] === 0xff;
  if (isMapped) return bytes.subarray(12).join('.');
  const groups = (Buffer.from(bytes).toString('hex').match(/.{4}/g) ?? []).join(':');
  // URL shortens runs of zeroes as RFC 5952 says.
  return new URL(`http://[${groups}]`).hostname.slice(1, -1);
}
