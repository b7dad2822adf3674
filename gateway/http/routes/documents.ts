/** The API documentation, as OpenAPI and as a page, made once at start from the table of routes. */
import { createHash } from 'node:crypto';
import { Type } from 'typebox';
import { VERSION } from '../../version.ts';
import { DOCS_PAGE_POLICY, renderDocsPage } from '../docs/docs-page.ts';
import { describeApi } from '../docs/openapi.ts';
import { text } from '../fields.ts';
import { type HttpReply, type Route, route, type Tag } from '../route.ts';
import type { RouteContext } from './context.ts';

const tag: Tag = { name: 'Documentation', description: 'This documentation.' };

export const IfNoneMatch = Type.Object({
  'if-none-match': Type.Optional(Type.String({ description: 'etag of the cached copy; if it is still valid: 304' })),
});
const OpenApi = Type.Object({
  openapi: text('Version of the OpenAPI format'),
  info: Type.Object({ version: text('Version of the gateway') }, { description: 'About this API' }),
  paths: Type.Object({}, { description: 'All routes' }),
});

/** Replies with a constant text, or with 304 to a client that has it. */
export function cacheable(contentType: string, content: string, more: Record<string, string> = {}) {
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

/** @param others all other routes: the documentation has them first. */
export function documentRoutes({ config }: RouteContext, others: readonly Route[]): Route[] {
  const own = [
    route({
      method: 'GET',
      path: '/openapi.json',
      tag,
      summary: 'Get the API as OpenAPI 3.1',
      schema: { headers: IfNoneMatch, response: OpenApi },
      revalidates: true,
      examples: [{ title: 'First lines', response: { openapi: '3.1.1', info: { version: VERSION }, paths: {} } }],
      scope: 'none',
      handler: ({ headers }) => json(headers['if-none-match']),
    }),
    route({
      method: 'GET',
      path: '/docs',
      tag,
      summary: 'Read the API documentation as a page',
      schema: { headers: IfNoneMatch },
      textType: 'text/html',
      revalidates: true,
      examples: [{ title: 'First line', text: '<!doctype html>' }],
      scope: 'none',
      handler: ({ headers }) => page(headers['if-none-match']),
    }),
  ];
  const origin = `http://localhost:${config.httpPort}`;
  const document = describeApi([...others, ...own], { version: VERSION, auth: config.auth, origin });
  const json = cacheable('application/json', JSON.stringify(document));
  const page = cacheable('text/html; charset=utf-8', renderDocsPage(document), {
    'content-security-policy': DOCS_PAGE_POLICY,
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
  });
  return own;
}
