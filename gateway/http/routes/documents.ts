/** The API documentation, as OpenAPI and as a page, made once at start from the table of routes. */
import { createHash } from 'node:crypto';
import { Type } from 'typebox';
import { VERSION } from '../../version.ts';
import { assetText } from '../docs/assets.ts';
import { DOCS_PAGE_POLICY } from '../docs/docs-layout.ts';
import { renderDocsPage } from '../docs/docs-page.ts';
import { describeApi } from '../docs/openapi.ts';
import { fillIn, ORIGIN, type Ports } from '../docs/place.ts';
import { PROBLEM_CODES, renderProblemPage } from '../docs/problem-page.ts';
import { text } from '../fields.ts';
import { Problem } from '../problem.ts';
import { type HttpReply, type Route, route, type Tag } from '../route.ts';
import type { RouteContext } from './context.ts';

const tag: Tag = { name: 'Documentation', description: 'This documentation.' };

export const IfNoneMatch = Type.Object({
  'if-none-match': Type.Optional(Type.String({ description: 'etag of the cached copy; if it is still valid: 304' })),
});
const host = Type.Optional(Type.String({ description: 'Address by which the server was reached' }));
export const PageHeaders = Type.Object({ ...IfNoneMatch.properties, host });
const ProblemParams = Type.Object({ code: Type.String({ description: 'Problem code' }) });

const OpenApi = Type.Object({
  openapi: text('Version of the OpenAPI format'),
  info: Type.Object({ version: text('Version of the gateway') }, { description: 'About this API' }),
  paths: Type.Object({}, { description: 'All routes' }),
});

/** Replies with a constant text, or constant bytes, or with 304 to a client that has it. */
export function cacheable(contentType: string, content: string | Uint8Array, more: Record<string, string> = {}) {
  const etag = `"${createHash('sha256').update(content).digest('base64url').slice(0, 22)}"`;
  const caching = { etag, 'cache-control': 'no-cache' };
  const headers = { ...caching, ...more, 'content-type': contentType };
  return async (ifNoneMatch = ''): Promise<HttpReply<never>> => {
    const known = ifNoneMatch.split(',').map((entry) => entry.trim().replace(/^W\//, ''));
    return known.includes(etag) || known.includes('*')
      ? { status: 304, headers: caching }
      : { status: 200, text: content, headers };
  };
}

/** Replies with a page that is filled in for the address by which its reader came. */
export function placed(
  contentType: string,
  page: string,
  ports: Ports,
  more: (host: string | undefined) => Record<string, string> = () => ({}),
) {
  let last: { content: string; reply: ReturnType<typeof cacheable> } | undefined;
  return async ({ host, 'if-none-match': ifNoneMatch }: { host?: string; 'if-none-match'?: string }) => {
    const content = fillIn(page, host, ports);
    if (last?.content !== content) last = { content, reply: cacheable(contentType, content, more(host)) };
    return last.reply(ifNoneMatch);
  };
}

const PAGE_HEADERS = {
  'content-security-policy': DOCS_PAGE_POLICY,
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

/** @param others all other routes: the documentation has them first. */
export function documentRoutes({ config, wsPort }: RouteContext, others: readonly Route[]): Route[] {
  const script = cacheable('text/javascript; charset=utf-8', assetText('docs.js'), {
    'x-content-type-options': 'nosniff',
  });
  const icon = cacheable('image/svg+xml', assetText('icon.svg'), { 'x-content-type-options': 'nosniff' });
  const own = [
    route({
      method: 'GET',
      path: '/openapi.json',
      tag,
      summary: 'Get the API as OpenAPI 3.1',
      schema: { headers: PageHeaders, response: OpenApi },
      revalidates: true,
      examples: [{ title: 'First lines', response: { openapi: '3.1.1', info: { version: VERSION }, paths: {} } }],
      scope: 'none',
      handler: ({ headers }) => json(headers),
    }),
    route({
      method: 'GET',
      path: '/docs',
      tag,
      summary: 'Read the documentation as a page',
      schema: { headers: PageHeaders },
      textType: 'text/html',
      revalidates: true,
      examples: [{ title: 'First line', text: '<!doctype html>' }],
      scope: 'none',
      handler: ({ headers }) => page(headers),
    }),
    route({
      method: 'GET',
      path: '/docs/problems/:code',
      tag,
      summary: 'Read what a problem code means, and what helps',
      description: 'Its path is the `type` of every problem of that code.',
      schema: { params: ProblemParams, headers: PageHeaders },
      textType: 'text/html',
      revalidates: true,
      examples: [{ title: 'Too many sessions', params: { code: 'concurrency_limit' }, text: '<h2>Cure</h2>' }],
      scope: 'none',
      async handler({ params, headers }) {
        const reply = problems.get(params.code);
        if (!reply) throw new Problem('not_found', 'There is no problem of this code.');
        return reply(headers);
      },
    }),
    route({
      method: 'GET',
      path: '/docs/docs.js',
      tag,
      summary: 'Get the script of these pages',
      schema: { headers: IfNoneMatch },
      textType: 'text/javascript',
      revalidates: true,
      examples: [{ title: 'First characters', text: '/** ' }],
      scope: 'none',
      handler: ({ headers }) => script(headers['if-none-match']),
    }),
    route({
      method: 'GET',
      path: '/favicon.ico',
      tag,
      summary: 'Get the icon of all pages',
      description: 'Where browsers ask for it, also beside pages that name none.',
      schema: { headers: IfNoneMatch },
      textType: 'image/svg+xml',
      revalidates: true,
      examples: [{ title: 'First characters', text: '<svg ' }],
      scope: 'none',
      handler: ({ headers }) => icon(headers['if-none-match']),
    }),
  ];
  const document = describeApi([...others, ...own], { version: VERSION, auth: config.auth, origin: ORIGIN });
  const ports = { httpPort: config.httpPort, wsPort };
  const html = (text: string) => placed('text/html; charset=utf-8', text, ports, () => PAGE_HEADERS);
  const json = placed('application/json', JSON.stringify(document), ports);
  const page = html(renderDocsPage(document));
  const problems = new Map<string, ReturnType<typeof html>>(
    PROBLEM_CODES.map((code) => [code, html(renderProblemPage(document, code))]),
  );
  return own;
}
