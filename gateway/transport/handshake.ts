/** The parts of an upgrade that both transports must decide alike. No sockets here: values in, values out. */
import { STATUS_CODES } from 'node:http';
import type { Traffic, TransportHandlers, TransportOptions, UpgradeRequest } from './transport.ts';

/** The headers of an HTTP request that make it a WebSocket upgrade, or not. Absent headers are empty strings. */
export interface UpgradeOffer {
  readonly method: string;
  readonly upgrade: string;
  readonly key: string;
  readonly version: string;
}

/** What the transport knows of itself at that moment. */
export interface UpgradeGate {
  readonly options: TransportOptions;
  readonly handlers: TransportHandlers;
  readonly listening: boolean;
  readonly sockets: number;
}

export const SWITCHING_PROTOCOLS = 101;
const NOT_FOUND = 404;
const BAD_REQUEST = 400;
const UPGRADE_REQUIRED = 426;
const TOO_MANY = 429;
const UNAVAILABLE = 503;

/** 16 bytes in base64, as RFC 6455 demands of Sec-WebSocket-Key. */
const KEY = /^[+/0-9A-Za-z]{22}==$/;

/** @returns 101, or the HTTP status of the refusal, which the handlers are called with. */
export function decideUpgrade(offer: UpgradeOffer, request: UpgradeRequest, gate: UpgradeGate): number {
  const status = decide(offer, request, gate);
  if (status !== SWITCHING_PROTOCOLS) gate.handlers.refused(status);
  return status;
}

/** The handlers are asked last, once nothing else refuses. */
function decide(offer: UpgradeOffer, request: UpgradeRequest, gate: UpgradeGate): number {
  if (offer.method.toUpperCase() !== 'GET') return UPGRADE_REQUIRED;
  if (request.path !== gate.options.path) return NOT_FOUND;
  if (offer.upgrade.toLowerCase() !== 'websocket') return probed(request, gate);
  if (offer.version !== '13') return UPGRADE_REQUIRED;
  if (!KEY.test(offer.key)) return BAD_REQUEST;
  if (!gate.listening || gate.sockets >= gate.options.maxSockets) return UNAVAILABLE;
  const decision = gate.handlers.upgrade(request);
  return decision === 'accept' ? SWITCHING_PROTOCOLS : decision;
}

/** A page asks why its upgrade failed: its browser does not tell it. */
function probed(request: UpgradeRequest, gate: UpgradeGate): number {
  const decision = request.origin === undefined ? 'accept' : gate.handlers.upgrade(request);
  return decision === 'accept' ? UPGRADE_REQUIRED : decision;
}

/** Headers of a refusal besides its length: RFC 9110 wants 426 to say what to upgrade to, and 429 when to come back. */
export function refusalHeaders(status: number): Array<[string, string]> {
  const headers: Array<[string, string]> = [
    ['Content-Type', 'text/plain'],
    // Any page may read why it is refused.
    ['Access-Control-Allow-Origin', '*'],
    ['Cache-Control', 'no-store'],
  ];
  if (status === UPGRADE_REQUIRED) {
    headers.push(['Connection', 'Upgrade'], ['Upgrade', 'websocket'], ['Sec-WebSocket-Version', '13']);
  }
  // Clients add jitter of their own to their backoff.
  if (status === TOO_MANY) headers.push(['Retry-After', '1']);
  return headers;
}

export function statusText(status: number): string {
  return STATUS_CODES[status] ?? 'Refused';
}

export function offersSubprotocol(header: string, subprotocol: string): boolean {
  return header.split(',').some((offered) => offered.trim() === subprotocol);
}

/** Bytes of payload a close frame has room for after its code. */
const MAX_REASON_BYTES = 123;

/** Cuts a reason that does not fit its frame, at a character boundary: half a character would be invalid UTF-8. */
export function closeReason(reason: string): string {
  if (Buffer.byteLength(reason) <= MAX_REASON_BYTES) return reason;
  const bytes = Buffer.from(reason);
  let end = MAX_REASON_BYTES;
  while (((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  return bytes.toString('utf8', 0, end);
}

/** Upper bound of a server's frame header, counted for each queued frame. */
export const FRAME_HEADER_BYTES = 10;

/** @returns whether a frame of `text` may join what is buffered. Measures the text only when that decides. */
export function fits(text: string, bufferedBytes: number, maxBufferedBytes: number): boolean {
  const room = maxBufferedBytes - bufferedBytes - FRAME_HEADER_BYTES;
  // One UTF-16 unit is at most three bytes of UTF-8.
  return text.length * 3 <= room || (text.length <= room && Buffer.byteLength(text) <= room);
}

let lastText = '';
let lastBytes: Buffer = Buffer.alloc(0);

/** A text as UTF-8, made once for all sockets that are sent the same text one after the other, as a change is. */
export function bytesOf(text: string): Buffer {
  if (text === lastText) return lastBytes;
  lastText = text;
  lastBytes = Buffer.from(text);
  return lastBytes;
}

export function noTraffic(): Traffic {
  return { messagesReceived: 0, bytesReceived: 0, messagesSent: 0, bytesSent: 0 };
}

let connections = 0;

/** Shared by all transports of the process, so that no two of its sockets ever have the same number. */
export function nextConnectionNumber(): number {
  connections += 1;
  return connections;
}
