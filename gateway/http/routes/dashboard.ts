/** The dashboard: a page, its script and its style, as they were built with this gateway. */
import { existsSync, readFileSync } from 'node:fs';
import { Type } from 'typebox';
import { type HttpReply, type Route, route, type Tag } from '../route.ts';
import type { RouteContext } from './context.ts';
import { cacheable } from './documents.ts';

const tag: Tag = {
  name: 'Dashboard',
  description:
    'Who watches what, now: a page that uses this API, the WebSocket protocol and the SDK, and nothing else.',
};

/** From this file as built, and as written. */
const PLACES = ['../../dashboard-page/', '../../../dist/gateway/dashboard-page/'];

interface File {
  readonly path: string;
  readonly name: string;
  readonly type: string;
  readonly summary: string;
  readonly start: string;
}

const FILES: readonly File[] = [
  { path: '/', name: 'index.html', type: 'text/html', summary: 'Open the dashboard', start: '<!doctype html>' },
  { path: '/dashboard/page.js', name: 'page.js', type: 'text/javascript', summary: 'Get its script', start: 'import' },
  { path: '/dashboard/page.css', name: 'page.css', type: 'text/css', summary: 'Get its style', start: ':root' },
];

const Headers = Type.Object({
  'if-none-match': Type.Optional(Type.String({ description: 'etag of the cached copy; if it is still valid: 304' })),
  host: Type.Optional(Type.String({ description: 'The page may open sockets there, and nowhere else' })),
});

/** A host as it may stand in a policy: without its port, IPv6 in brackets. */
const HOST = /^(\[[\da-f:.]+\]|[\w.-]+)(?::\d{1,5})?$/i;

/** Allows what the page brings along, and sockets to the host that it came from: at its own port, or the gateway's. */
function policyFor(host: string, wsPort: number | undefined): string {
  const [whole, name] = HOST.exec(host) ?? [];
  const port = wsPort === undefined ? [] : [`ws://${name}:${wsPort}`, `wss://${name}:${wsPort}`];
  const sockets = whole === undefined ? [] : [`ws://${whole}`, `wss://${whole}`, ...port];
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    ['connect-src', "'self'", ...sockets].join(' '),
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
  ].join('; ');
}

/** @returns undefined where the dashboard was not built. */
function read(name: string): string | undefined {
  const place = PLACES.map((folder) => new URL(folder + name, import.meta.url)).find((url) => existsSync(url));
  return place && readFileSync(place, 'utf8');
}

export function dashboardRoutes({ wsPort }: RouteContext): Route[] {
  return FILES.flatMap(({ path, name, type, summary, start }) => {
    const content = read(name);
    if (content === undefined) return [];
    const newest = cacheable(`${type}; charset=utf-8`, content, {
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
    });
    return [
      route({
        method: 'GET',
        path,
        tag,
        summary,
        schema: { headers: Headers },
        textType: type,
        revalidates: true,
        examples: [{ title: 'First characters', text: start }],
        scope: 'none',
        async handler({ headers: { host = '', 'if-none-match': known } }): Promise<HttpReply<never>> {
          const reply = await newest(known);
          const isPage = type === 'text/html';
          if (!isPage) return reply;
          const policy = policyFor(host, wsPort);
          return { ...reply, headers: { ...reply.headers, 'content-security-policy': policy } };
        },
      }),
    ];
  });
}
