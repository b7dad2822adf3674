/** The first page of /docs: the SDK, sockets, every route, and the table of problems. Without external resources. */
import { problemType } from '../../problem.ts';
import type { ProblemCode } from '../../protocol/problems.ts';
import { PROBLEM_TYPE } from '../problem.ts';
import type { ApiDocument, ApiResponse, Operation, Schema } from './api-document.ts';
import { fieldsOf, fieldTable, parameterField } from './docs-fields.ts';
import { docsPage, type LinkGroup } from './docs-layout.ts';
import { type Html, html } from './html.ts';
import { ORIGIN, SOCKET } from './place.ts';
import { ownMembers, problemLinks } from './problem-page.ts';
import { codesOf, methodBadge } from './references.ts';
import { sdkChapter } from './sdk-chapter.ts';
import { CONVERSATIONS, socketsChapter } from './sockets-chapter.ts';

interface Entry {
  readonly method: string;
  readonly path: string;
  readonly operation: Operation;
}

const slug = (text: string): string => text.toLowerCase().replace(/[^a-z0-9]+/g, '-');

function entriesOf({ paths }: ApiDocument): Entry[] {
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
  );
}

/** Lets a long path break at its slashes. */
const breakable = (path: string): Html[] => path.split(/(?=\/)/).map((part) => html`${part}<wbr>`);

function scopeLine({ security }: Operation): Html {
  const scopes = new Set(security.flatMap((alternative) => alternative.bearer ?? []));
  if (scopes.size === 0) return html`No authentication needed`;
  return html`Required scope: ${[...scopes].map((scope, index) => html`${index > 0 && ' or '}<code>${scope}</code>`)}`;
}

/** Relative to this page. */
const pathOf = (code: string): string => problemType(code as ProblemCode).slice(1);

function problemList({ responses }: Operation): Html {
  const links = Object.entries(responses).flatMap(([status, response]) =>
    codesOf(response).map((code) => html`<li><a href="${pathOf(code)}">${status} ${code}</a></li>\n`),
  );
  return html`<h4>Problems</h4>
<ul class="problems">${links}</ul>
`;
}

/** Status and body of an example. */
function exampleResponseOf({ responses }: Operation, title: string): Html {
  for (const [status, { content = {} }] of Object.entries(responses)) {
    for (const [mediaType, { examples = {} }] of Object.entries(content)) {
      const example = examples[title];
      if (!example) continue;
      const { value } = example;
      const text = typeof value === 'string' ? value : JSON.stringify(value, undefined, 2);
      return html`<pre class="response"><b>${status} ${mediaType}</b>\n${text}</pre>`;
    }
  }
  return html`<pre class="response"><b>204</b> without a body</pre>`;
}

function successTables({ responses }: Operation): (Html | false)[] {
  const { content = {} } = responses[200] ?? {};
  return Object.entries(content).map(([mediaType, { schema }]) => {
    const caption = `Response 200, ${mediaType}`;
    return schema.type === 'string'
      ? html`<h4>${caption}</h4>\n<p>Text: see the example.</p>\n`
      : fieldTable(caption, fieldsOf(schema));
  });
}

function operationArticle({ method, path, operation }: Entry): Html {
  const { operationId, summary, description, parameters, requestBody } = operation;
  const body = requestBody && Object.values(requestBody.content)[0];
  const fields = [...parameters.map(parameterField), ...(body ? fieldsOf(body.schema, 'body') : [])];
  const samples = operation['x-codeSamples'].map(
    ({ label, source }) => html`<figure>
<figcaption>${label}</figcaption>
<pre class="command">${source}</pre>
${exampleResponseOf(operation, label)}
</figure>
`,
  );
  return html`<article id="${operationId}">
<h3><a href="#${operationId}">${methodBadge(method)} <code>${breakable(path)}</code></a></h3>
<p class="summary">${summary}.</p>
${description !== undefined && html`<p>${description}</p>\n`}<p class="scope">${scopeLine(operation)}</p>
${fieldTable('Request', fields)}${requestBody && html`<p class="note">Body: ${requestBody.description}</p>\n`}
${successTables(operation)}
${samples}
${problemList(operation)}</article>
`;
}

const listed = (names: readonly string[]): Html[] =>
  names.map((name, index) => html`${index > 0 && ', '}<code>${name}</code>`);

function problemRow(code: string, schema: Schema, response: ApiResponse): Html {
  const { status, title } = schema.allOf?.[1]?.properties ?? {};
  const headers = Object.keys(response.headers ?? {}).filter((name) => name !== 'x-request-id');
  return html`<tr id="${code}">
<th scope="row"><a href="${pathOf(code)}"><code>${code}</code></a></th>
<td>${(status?.enum ?? []).join(', ')}</td>
<td>${String(title?.const ?? '')}</td>
<td>${listed(Object.keys(ownMembers(schema).properties ?? {}))}</td>
<td>${listed(headers)}</td>
</tr>
`;
}

function problemTable({ components }: ApiDocument): Html {
  const rows = Object.entries(components.responses).map(([code, response]) =>
    problemRow(code, components.schemas[code] ?? {}, response),
  );
  return html`<section id="problems">
<h2>Problems</h2>
<p>Errors have the media type <code>${PROBLEM_TYPE}</code> (RFC 9457), and are the same over sockets. Programs should decide by <code>code</code>: it does not change between versions. <code>type</code> is the address of the code’s page here, with cause, cure and an example. The header <code>retry-after</code> is in seconds.</p>
${fieldTable('Members of every problem', fieldsOf(components.schemas.Problem ?? {}), 3)}
<h3 class="caption">Codes</h3>
<table class="codes">
<thead><tr><th scope="col">code</th><th scope="col">status</th><th scope="col">title</th><th scope="col">additional members</th><th scope="col">headers</th></tr></thead>
<tbody>
${rows}</tbody>
</table>
</section>
`;
}

function authentication({ components, paths }: ApiDocument): Html {
  const operations = Object.values(paths).flatMap((methods) => Object.values(methods));
  const isOff = operations.some(({ security }) =>
    security.some((alternative) => Object.keys(alternative).length === 0),
  );
  const { bearer, apiKey } = components.securitySchemes;
  return html`<section id="authentication">
<h2>Authentication</h2>
${isOff && html`<p>Authentication is off on this server: requests need no credentials and may name any user.</p>\n`}<dl>
<dt><code>authorization: Bearer …</code></dt><dd>${bearer?.description ?? ''}</dd>
<dt><code>x-api-key: …</code></dt><dd>${apiKey?.description ?? ''}</dd>
</dl>
</section>
`;
}

function contentsOf(tags: ApiDocument['tags'], under: (tag: string) => readonly Entry[]): LinkGroup[] {
  const sdk = { href: '#sdk', label: 'SDK', links: [{ href: '#sdk-errors', label: 'Errors' }] };
  const sockets = {
    href: '#sockets',
    label: 'Sockets',
    links: [
      { href: '#messages', label: 'Messages' },
      { href: '#lost', label: 'Lost connections' },
      { href: '#closes', label: 'Close codes' },
    ],
  };
  const routes = tags.map(({ name }) => ({
    href: `#${slug(name)}`,
    label: name,
    links: under(name).map(({ method, path, operation }) => ({
      href: `#${operation.operationId}`,
      label: html`${methodBadge(method)} ${breakable(path)}`,
    })),
  }));
  return [sdk, sockets, { href: '#authentication', label: 'Authentication', links: [] }, ...routes, problemLinks('')];
}

function firstSteps({ paths }: ApiDocument): Html {
  return html`<ul class="steps">
<li><a href="#sdk-player"><b>A player</b><span>five lines with the SDK</span></a></li>
<li><a href="#sdk-dashboard"><b>A dashboard</b><span>a live map of who watches</span></a></li>
<li><a href="#${CONVERSATIONS[0]?.id}"><b>Sockets</b><span>the same by hand, in JSON</span></a></li>
<li><a href="#status"><b>HTTP</b><span>status, limits, statistics</span></a></li>
${'/demo' in paths && html`<li><a href="demo"><b>Try it</b><span>four screens, three slots</span></a></li>\n`}</ul>
`;
}

export function renderDocsPage(document: ApiDocument): string {
  const { info, tags } = document;
  const entries = entriesOf(document);
  const under = (tag: string): Entry[] => entries.filter(({ operation }) => operation.tags[0] === tag);
  const sections = tags.map(
    ({ name, description }) => html`<section id="${slug(name)}">
<h2>${name}</h2>
<p>${description}</p>
${under(name).map(operationArticle)}</section>
`,
  );
  const main = html`<header>
<h1>Documentation</h1>
<p class="lead">Who is watching what, on how many screens, and whether one more is allowed.</p>
${firstSteps(document)}<dl class="addresses">
<dt>HTTP</dt><dd><code>${ORIGIN}</code></dd>
<dt>Sockets</dt><dd><code>${SOCKET}</code></dd>
<dt>For programs</dt><dd><a href="openapi.json">openapi.json</a> (OpenAPI 3.1)</dd>
</dl>
</header>
${sdkChapter(document)}${socketsChapter()}<section id="http">
<h2>HTTP</h2>
${info.description.split('\n').map((line) => html`<p>${line}</p>\n`)}</section>
${authentication(document)}${sections}${problemTable(document)}`;
  return docsPage({
    title: 'Documentation · Presence Gateway',
    root: '',
    version: info.version,
    contents: contentsOf(tags, under),
    main,
  });
}
