/** The API described for programs and for people, made once from the table of routes. */
import { createHash } from 'node:crypto';
import { Type } from 'typebox';
import { VERSION } from '../../version.ts';
import { DOCS_PAGE_POLICY, renderDocsPage } from '../docs/docs-page.ts';
import { describeApi } from '../docs/openapi.ts';
import { type HttpReply, type Route, route, type Tag } from '../route.ts';
import type { RouteContext } from './context.ts';

const tag: Tag = { name: 'Documents', description: 'This description.' };

const IfNoneMatch = Type.Object({ 'if-none-match': Type.Optional(Type.String()) });
const Description = Type.Object({
  openapi: Type.String(),
  info: Type.Object({ version: Type.String() }),
  paths: Type.Object({}),
});

/** A text that does not change while the process lives, and how to answer it to those who have it already. */
function fixed(contentType: string, text: string, more: Record<string, string> = {}) {
  const etag = `"${createHash('sha256').update(text).digest('base64url').slice(0, 22)}"`;
  const held = { etag, 'cache-control': 'no-cache' };
  const headers = { ...held, ...more, 'content-type': contentType };
  return async (ifNoneMatch = ''): Promise<HttpReply<never>> => {
    const known = ifNoneMatch.split(',').map((entry) => entry.trim().replace(/^W\//, ''));
    return known.includes(etag) || known.includes('*')
      ? { status: 304, headers: held }
      : { status: 200, text, headers };
  };
}

/** @param others all other routes of the table */
export function documentRoutes({ config }: RouteContext, others: readonly Route[]): Route[] {
  const own = [
    route({
      method: 'GET',
      path: '/openapi.json',
      tag,
      summary: 'The API as OpenAPI 3.1',
      schema: { headers: IfNoneMatch, response: Description },
      revalidates: true,
      examples: [{ title: 'Its beginning', response: { openapi: '3.1.1', info: { version: VERSION }, paths: {} } }],
      scope: 'none',
      handler: ({ headers }) => json(headers['if-none-match']),
    }),
    route({
      method: 'GET',
      path: '/docs',
      tag,
      summary: 'The API as a page to read',
      schema: { headers: IfNoneMatch },
      textType: 'text/html',
      revalidates: true,
      examples: [{ title: 'Its beginning', text: '<!doctype html>' }],
      scope: 'none',
      handler: ({ headers }) => page(headers['if-none-match']),
    }),
  ];
  const origin = `http://localhost:${config.httpPort}`;
  const document = describeApi([...others, ...own], { version: VERSION, auth: config.auth, origin });
  const json = fixed('application/json', JSON.stringify(document));
  const page = fixed('text/html; charset=utf-8', renderDocsPage(document), {
    'content-security-policy': DOCS_PAGE_POLICY,
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
  });
  return own;
}
