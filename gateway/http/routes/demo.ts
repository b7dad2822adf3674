/** The player demo: a page whose players are the SDK. Served with DEMO=on only. */
import { readFileSync } from 'node:fs';
import { Type } from 'typebox';
import { fillIn, SOCKET } from '../docs/place.ts';
import { Problem } from '../problem.ts';
import { type Route, route, type Tag } from '../route.ts';
import type { RouteContext } from './context.ts';
import { cacheable, IfNoneMatch, PageHeaders, placed } from './documents.ts';

const tag: Tag = {
  name: 'Demo',
  description: 'A page with players, to try what happens at the limit (setting DEMO).',
};

const FOLDER = new URL('../../demo/', import.meta.url);
const NOSNIFF = { 'x-content-type-options': 'nosniff' };
const SCRIPT = 'text/javascript; charset=utf-8';
const FILES: Readonly<Record<string, string>> = {
  'demo.css': 'text/css; charset=utf-8',
  'demo.js': SCRIPT,
  'screen.js': SCRIPT,
  'server-view.js': SCRIPT,
  'cable.js': SCRIPT,
  'elements.js': SCRIPT,
  'clip.webm': 'video/webm',
};

const FileParams = Type.Object({ file: Type.String({ description: `One of ${Object.keys(FILES).join(', ')}` }) });

/** Beside its own files the page may reach the socket, and by HTTP what a failed upgrade is asked for its reason. */
function policyOf(socket: string): string {
  const { host } = new URL(socket);
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "media-src 'self'",
    "img-src 'self'",
    `connect-src 'self' ws://${host} wss://${host} http://${host} https://${host}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}

export function demoRoutes({ config, wsPort }: RouteContext): Route[] {
  if (config.demo === 'off') return [];
  const ports = { httpPort: config.httpPort, wsPort };
  const files = new Map(
    Object.entries(FILES).map(([name, type]) => [name, cacheable(type, readFileSync(new URL(name, FOLDER)), NOSNIFF)]),
  );
  const page = placed(
    'text/html; charset=utf-8',
    readFileSync(new URL('index.html', FOLDER), 'utf8'),
    ports,
    (host) => ({
      ...NOSNIFF,
      'content-security-policy': policyOf(fillIn(SOCKET, host, ports)),
      'referrer-policy': 'no-referrer',
    }),
  );
  return [
    route({
      method: 'GET',
      path: '/demo',
      tag,
      summary: 'Open the player demo',
      schema: { headers: PageHeaders },
      textType: 'text/html',
      revalidates: true,
      examples: [{ title: 'First line', text: '<!doctype html>' }],
      scope: 'none',
      handler: ({ headers }) => page(headers),
    }),
    route({
      method: 'GET',
      path: '/demo/:file',
      tag,
      summary: 'Get a file of the player demo',
      schema: { params: FileParams, headers: IfNoneMatch },
      textType: 'text/javascript',
      revalidates: true,
      examples: [{ title: 'How a lid is closed', params: { file: 'cable.js' }, text: 'export class Cable' }],
      scope: 'none',
      async handler({ params, headers }) {
        const reply = files.get(params.file);
        if (!reply) throw new Problem('not_found', 'The demo has no such file.');
        return reply(headers['if-none-match']);
      },
    }),
  ];
}
