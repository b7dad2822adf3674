/** The API documentation as one HTML page, without scripts or external resources. */
import { createHash } from 'node:crypto';
import { PROBLEM_TYPE } from '../problem.ts';
import type { ApiDocument, ApiResponse, Operation, Schema } from './api-document.ts';
import { fieldsOf, fieldTable, parameterField } from './docs-fields.ts';
import { DOCS_STYLE } from './docs-style.ts';
import { type Html, html, htmlPage } from './html.ts';

const STYLE_HASH = createHash('sha256').update(DOCS_STYLE).digest('base64');
/** Value of `content-security-policy`: allows only the page's own style. */
export const DOCS_PAGE_POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${STYLE_HASH}'`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

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

const badge = (method: string): Html => html`<span class="method ${method.toLowerCase()}">${method}</span>`;

/** Lets a long path break at its slashes. */
const breakable = (path: string): Html[] => path.split(/(?=\/)/).map((part) => html`${part}<wbr>`);

const refName = (ref = ''): string => ref.slice(ref.lastIndexOf('/') + 1);

/** Problem codes of a response. */
function codesOf(response: ApiResponse): string[] {
  if (response.$ref !== undefined) return [refName(response.$ref)];
  const schema = response.content?.[PROBLEM_TYPE]?.schema;
  return (schema?.oneOf ?? (schema ? [schema] : [])).map(({ $ref }) => refName($ref));
}

function scopeLine({ security }: Operation): Html {
  const scopes = new Set(security.flatMap((alternative) => alternative.bearer ?? []));
  if (scopes.size === 0) return html`No authentication needed`;
  return html`Required scope: ${[...scopes].map((scope, index) => html`${index > 0 && ' or '}<code>${scope}</code>`)}`;
}

function problemList({ responses }: Operation): Html {
  const links = Object.entries(responses).flatMap(([status, response]) =>
    codesOf(response).map((code) => html`<li><a href="#${code}">${status} ${code}</a></li>\n`),
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
<h3><a href="#${operationId}">${badge(method)} <code>${breakable(path)}</code></a></h3>
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

/** What a code adds to the members of every problem. */
function ownMembers(schema: Schema | undefined): Schema {
  const { properties = {}, ...own } = schema?.allOf?.[1] ?? {};
  const { code: _code, status: _status, title: _title, ...members } = properties;
  return { ...own, properties: members };
}

function problemRow(code: string, schema: Schema, response: ApiResponse): Html {
  const { status, title } = schema.allOf?.[1]?.properties ?? {};
  const headers = Object.keys(response.headers ?? {}).filter((name) => name !== 'x-request-id');
  return html`<tr id="${code}">
<td><code>${code}</code></td>
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
<p>Errors have the media type <code>${PROBLEM_TYPE}</code> (RFC 9457). Programs should decide by <code>code</code>: it does not change between versions. The header <code>retry-after</code> is in seconds.</p>
${fieldTable('Members of every problem', fieldsOf(components.schemas.Problem ?? {}))}
<h4>Codes</h4>
<table class="codes">
<tr><th>code</th><th>status</th><th>title</th><th>additional members</th><th>headers</th></tr>
${rows}</table>
${Object.keys(components.responses).map((code) => fieldTable(`Additional members of ${code}`, fieldsOf(ownMembers(components.schemas[code]))))}</section>
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

export function renderDocsPage(document: ApiDocument): string {
  const { info, tags } = document;
  const entries = entriesOf(document);
  const under = (tag: string): Entry[] => entries.filter(({ operation }) => operation.tags[0] === tag);
  const links = tags.map(
    ({ name }) => html`<li><a href="#${slug(name)}">${name}</a><ul>
${under(name).map(({ method, path, operation }) => html`<li><a href="#${operation.operationId}">${badge(method)} ${breakable(path)}</a></li>\n`)}</ul></li>
`,
  );
  const sections = tags.map(
    ({ name, description }) => html`<section id="${slug(name)}">
<h2>${name}</h2>
<p>${description}</p>
${under(name).map(operationArticle)}</section>
`,
  );
  return htmlPage(
    info.title,
    DOCS_STYLE,
    html`<nav><details open><summary>Contents</summary><ul>
<li><a href="#authentication">Authentication</a></li>
${links}<li><a href="#problems">Problems</a></li>
</ul></details></nav>
<main>
<header>
<h1>${info.title} <small>${info.version}</small></h1>
${info.description.split('\n').map((line) => html`<p>${line}</p>\n`)}<p>For programs: <a href="openapi.json">openapi.json</a> (OpenAPI 3.1). Click a command to select it.</p>
</header>
${authentication(document)}${sections}${problemTable(document)}</main>
`,
  );
}
