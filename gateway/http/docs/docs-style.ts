/** CSS of /docs: the table of contents is beside the text on wide screens, above it on narrow ones. */
export const DOCS_STYLE = `
:root {
  color-scheme: light dark;
  --text: #1d2330; --dim: #5d6678; --page: #ffffff; --panel: #f5f6f9; --line: #dfe3ea; --link: #1a56c4;
  --get: #0f6b4f; --post: #1a56c4; --put: #8a5300; --delete: #b3261e;
}
@media (prefers-color-scheme: dark) {
  :root {
    --text: #e3e7ef; --dim: #9aa4b8; --page: #12151c; --panel: #1b202b; --line: #2e3544; --link: #82b1ff;
    --get: #5fd3a8; --post: #82b1ff; --put: #f0b35e; --delete: #ff8a80;
  }
}
* { box-sizing: border-box; }
html { scroll-padding-top: 1rem; }
body {
  margin: 0; display: grid; grid-template-columns: 20rem minmax(0, 1fr);
  font: 16px/1.5 system-ui, sans-serif; color: var(--text); background: var(--page);
}
a { color: var(--link); text-decoration: none; }
a:hover { text-decoration: underline; }
code, pre, .method { font-family: ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace; }
code { font-size: 0.875em; overflow-wrap: anywhere; }
small { color: var(--dim); font-weight: normal; }
nav {
  position: sticky; top: 0; height: 100vh; overflow-y: auto; padding: 1.5rem 1rem;
  border-right: 1px solid var(--line); background: var(--panel); font-size: 0.8125rem;
}
nav ul { list-style: none; margin: 0; padding: 0; }
nav summary { display: none; }
nav details > ul > li { margin-bottom: 0.75rem; font-weight: 600; }
nav li li { font-weight: normal; margin: 0.125rem 0; }
nav li li a { display: flex; gap: 0.5rem; color: var(--text); }
nav li li a > span { flex: none; width: 3.25rem; text-align: right; }
main { padding: 2rem clamp(1rem, 4vw, 3.5rem) 6rem; max-width: 64rem; min-width: 0; }
h1 { font-size: 1.75rem; line-height: 1.2; margin: 0 0 1rem; }
h2 { font-size: 1.375rem; margin: 3.5rem 0 0.5rem; }
h3 { font-size: 1.0625rem; margin: 0 0 0.5rem; line-height: 1.4; }
h3 a { color: inherit; }
.summary { font-weight: 600; }
h4 { margin: 1.25rem 0 0.375rem; font-size: 0.8125rem; color: var(--dim); font-weight: 600; }
p { margin: 0.25rem 0; }
dt { margin-top: 0.75rem; }
dd { margin: 0 0 0 1rem; }
article { margin: 1.5rem 0; padding: 1.25rem; border: 1px solid var(--line); border-radius: 0.5rem; }
article:target, tr:target { outline: 2px solid var(--link); }
.method { font-size: 0.75rem; font-weight: 700; }
.get { color: var(--get); }
.post { color: var(--post); }
.put, .patch { color: var(--put); }
.delete { color: var(--delete); }
.scope, .note { font-size: 0.875rem; color: var(--dim); }
table { width: 100%; border-collapse: collapse; font-size: 0.875rem; }
th { text-align: left; color: var(--dim); font-weight: 600; }
td, th { padding: 0.3125rem 0.75rem 0.3125rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
.fields td:nth-child(1) { width: 28%; }
.fields td:nth-child(2) { width: 24%; }
figure { margin: 1.25rem 0 0; }
figcaption { font-size: 0.8125rem; color: var(--dim); font-weight: 600; margin-bottom: 0.375rem; }
pre {
  margin: 0; padding: 0.75rem 1rem; overflow-x: auto; font-size: 0.8125rem; line-height: 1.45;
  background: var(--panel); border: 1px solid var(--line); border-radius: 0.375rem;
}
.command { user-select: all; border-bottom-left-radius: 0; border-bottom-right-radius: 0; }
.response { border-top: 0; border-top-left-radius: 0; border-top-right-radius: 0; background: none; }
.problems { list-style: none; margin: 0; padding: 0; display: flex; flex-wrap: wrap; gap: 0.25rem 1rem; font-size: 0.8125rem; }
@media (max-width: 56rem) {
  body { display: block; }
  nav { position: static; height: auto; border-right: 0; border-bottom: 1px solid var(--line); }
  nav summary { display: list-item; font-size: 1rem; font-weight: 600; cursor: pointer; }
  nav details > ul { margin-top: 0.75rem; }
  article { padding: 1rem 0.75rem; margin-inline: -0.25rem; }
}
@media (max-width: 36rem) {
  table, tbody, tr, td { display: block; width: auto; }
  .fields td:nth-child(n), .codes td { width: auto; border: 0; padding: 0; }
  td:nth-child(-n + 2) { display: inline; }
  td:nth-child(2)::before { content: " "; }
  td:empty, .codes tr:first-child { display: none; }
  tr { padding: 0.375rem 0; border-bottom: 1px solid var(--line); }
}
`;
