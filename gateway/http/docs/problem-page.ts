/** The page of one problem code: what causes it, what helps, an example, and who answers it. Its address is the problem's `type`. */
import { problemBody, problemType } from '../../problem.ts';
import { PROBLEMS, type ProblemCode } from '../../protocol/problems.ts';
import { PROBLEM_TYPE } from '../problem.ts';
import type { ApiDocument, Operation, Schema } from './api-document.ts';
import { fieldsOf, fieldTable } from './docs-fields.ts';
import { docsPage, type LinkGroup } from './docs-layout.ts';
import { EXAMPLE_REQUEST_ID } from './example.ts';
import { type Html, html, prose } from './html.ts';
import { PROBLEM_GUIDES, type ProblemGuide } from './problem-guide.ts';
import { codesOf, methodBadge } from './references.ts';

export const PROBLEM_CODES = Object.keys(PROBLEMS) as ProblemCode[];
/** From a page of a problem. */
const ROOT = '../../';

/** What a code adds to the members of every problem. */
export function ownMembers(schema: Schema | undefined): Schema {
  const { properties = {}, ...own } = schema?.allOf?.[1] ?? {};
  const { type: _type, code: _code, status: _status, title: _title, ...members } = properties;
  return { ...own, properties: members };
}

export function problemLinks(root: string, here?: ProblemCode): LinkGroup {
  return {
    href: root === '' ? '#problems' : `${root}docs#problems`,
    label: 'Problems',
    links: PROBLEM_CODES.map((code) => ({
      href: root + problemType(code).slice(1),
      label: html`<span>${PROBLEMS[code].status}</span> ${code}`,
      isHere: code === here,
    })),
  };
}

const sentences = (texts: readonly string[]): Html => html`<ul>
${texts.map((text) => html`<li>${prose(text)}</li>\n`)}</ul>
`;

/** The answer of the example, with the headers that belong to the code. */
export function exampleAnswer(code: ProblemCode, { example }: ProblemGuide) {
  const { detail, status = PROBLEMS[code].status, members, headers = {} } = example;
  const body = { ...problemBody(code, detail, { requestId: EXAMPLE_REQUEST_ID, ...members }), status };
  return { status, headers, body };
}

function exampleBlock(code: ProblemCode, guide: ProblemGuide): Html {
  const { when, command } = guide.example;
  const { status, headers, body } = exampleAnswer(code, guide);
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\n`);
  return html`<figure>
<figcaption>${when === undefined ? 'Request and response' : `If ${when}`}</figcaption>
<pre class="command">${command}</pre>
<pre class="response"><b>${status} ${PROBLEM_TYPE}</b>\n${lines}${JSON.stringify(body, undefined, 2)}</pre>
</figure>
`;
}

function answeredBy({ paths }: ApiDocument, code: ProblemCode): Html | false {
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
  );
  const answers = ({ responses }: Operation) => Object.values(responses).some((each) => codesOf(each).includes(code));
  const found = operations.filter(({ operation }) => answers(operation));
  if (found.length === operations.length) return html`<p>By every route.</p>\n`;
  return html`<ul class="routes">${found.map(
    ({ path, method, operation }) =>
      html`<li><a href="${ROOT}docs#${operation.operationId}">${methodBadge(method)} <code>${path}</code></a></li>\n`,
  )}</ul>
`;
}

export function renderProblemPage(document: ApiDocument, code: ProblemCode): string {
  const guide = PROBLEM_GUIDES[code];
  const { title } = PROBLEMS[code];
  const schema = document.components.schemas[code];
  const statuses = (schema?.allOf?.[1]?.properties?.status?.enum ?? [PROBLEMS[code].status]).join(', ');
  const main = html`<header>
<p class="path"><a href="${ROOT}docs#problems">Problems</a> / ${code}</p>
<h1>${title}</h1>
<p class="facts"><code>${code}</code> <span>HTTP ${statuses}</span></p>
</header>
<section id="cause">
<h2>Cause</h2>
${sentences(guide.causes)}</section>
<section id="cure">
<h2>Cure</h2>
${sentences(guide.cures)}</section>
<section id="example">
<h2>Example</h2>
${exampleBlock(code, guide)}${fieldTable(`Members of ${code}, besides those of every problem`, fieldsOf(ownMembers(schema)), 3)}</section>
<section id="sockets">
<h2>Over a socket</h2>
${
  guide.socket === undefined
    ? html`<p>It is not sent over sockets.</p>\n`
    : html`<p>As <code>problem</code> of an <code>error</code>. ${prose(guide.socket)}</p>\n`
}</section>
<section id="answered-by">
<h2>Answered by</h2>
${answeredBy(document, code)}</section>
`;
  return docsPage({
    title: `${title} (${code})`,
    root: ROOT,
    version: document.info.version,
    contents: [{ href: `${ROOT}docs`, label: 'Documentation', links: [] }, problemLinks(ROOT, code)],
    main,
  });
}
