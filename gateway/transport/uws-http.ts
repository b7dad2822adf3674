/** Reads an upgrade request of uWS, and refuses it. The request is gone once its handler returns. */
import { refusalHeaders, statusText, type UpgradeOffer } from './handshake.ts';
import type { UpgradeRequest } from './transport.ts';
import { addressText, type HttpRequest, type HttpResponse } from './uws-module.ts';

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
    host: req.getHeader('host') || undefined,
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
