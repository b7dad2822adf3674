/**
 * Requests as the load generators read them: bytes as they go over the wire, separated by NUL. The requests of a
 * sequence are separated by SOH; `{id}` in them is the first id that an answer of the sequence names.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** In a request: replaced by eight digits that no other has had. */
export const NEW_NUMBER = '########';
export const NEXT_REQUEST = '\0';
export const NEXT_STEP = '\x01';

export function request(
  method: string,
  path: string,
  body?: object,
  headers: Readonly<Record<string, string>> = {},
): string {
  const text = body ? JSON.stringify(body) : '';
  const all = {
    host: '127.0.0.1',
    ...(body && { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(text)) }),
    ...headers,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n${text}`;
}

let folder: string | undefined;
let files = 0;

function makeFolder(): string {
  const path = mkdtempSync(join(tmpdir(), 'bench-'));
  process.once('exit', () => rmSync(path, { recursive: true }));
  return path;
}

/** A file of requests, kept until the process ends. */
export function requestFile(requests: readonly (string | readonly string[])[]): string {
  folder ??= makeFolder();
  const path = join(folder, `requests-${files++}`);
  writeFileSync(path, requests.map((r) => (typeof r === 'string' ? r : r.join(NEXT_STEP))).join(NEXT_REQUEST));
  return path;
}
