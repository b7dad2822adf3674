/** What all pages of /docs share: a bar with the search, the contents beside the text, and the rules for browsers. */
import { createHash } from 'node:crypto';
import { DOCS_STYLE } from './docs-style.ts';
import { type Html, html, htmlPage } from './html.ts';

const STYLE_HASH = createHash('sha256').update(DOCS_STYLE).digest('base64');
/** Value of `content-security-policy`: allows the pages' own style and script, nothing else. */
export const DOCS_PAGE_POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${STYLE_HASH}'`,
  "script-src 'self'",
  "connect-src 'self'",
  "img-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

export interface Link {
  readonly href: string;
  readonly label: Html | string;
  /** The page that is shown. */
  readonly isHere?: boolean;
}

export interface LinkGroup extends Link {
  readonly links: readonly Link[];
}

export interface DocsLayout {
  readonly title: string;
  /** Leads from the page to the root of the server: empty, or such as `../../`. */
  readonly root: string;
  readonly version: string;
  readonly contents: readonly LinkGroup[];
  readonly main: Html;
}

const anchor = ({ href, label, isHere = false }: Link): Html =>
  html`<a href="${href}"${isHere && html` aria-current="page"`}>${label}</a>`;

const group = ({ links, ...link }: LinkGroup): Html => html`<li>${anchor(link)}${
  links.length > 0 && html`<ul>\n${links.map((each) => html`<li>${anchor(each)}</li>\n`)}</ul>`
}</li>
`;

/** On narrow screens the contents are a popover, which needs no script; the search does, and is hidden without. */
export function docsPage({ title, root, version, contents, main }: DocsLayout): string {
  return htmlPage(
    title,
    DOCS_STYLE,
    html`<a class="skip" href="#main">To the text</a>
<header class="bar">
<button type="button" class="menu" popovertarget="contents">Contents</button>
<a class="home" href="${root}docs">Presence Gateway <small>${version}</small></a>
<form role="search" hidden data-root="${root}">
<input type="search" aria-label="Search the documentation" placeholder="Search" autocomplete="off" aria-describedby="found">
<kbd aria-hidden="true">/</kbd>
<output id="found"></output>
<ul></ul>
</form>
</header>
<nav id="contents" popover aria-label="Contents"><ul>
${contents.map(group)}</ul></nav>
<main id="main" tabindex="-1">
${main}</main>
`,
    root,
  );
}
