/** CSS of /docs: the table of contents is beside the text on wide screens, a popover on narrow ones. */
export const DOCS_STYLE = `
:root {
  color-scheme: light dark;
  --text: #1a2130; --dim: #576074; --page: #ffffff; --panel: #f4f6fa; --line: #dde2ec; --link: #1a56c4; --mark: #e7efff;
  --get: #0f6b4f; --post: #1a56c4; --put: #8a5300; --delete: #b3261e;
}
@media (prefers-color-scheme: dark) {
  :root {
    --text: #e4e8f1; --dim: #9ca7bd; --page: #11141b; --panel: #191e29; --line: #2c3445; --link: #8ab6ff; --mark: #1d2c4a;
    --get: #5fd3a8; --post: #8ab6ff; --put: #f0b35e; --delete: #ff8a80;
  }
}
* { box-sizing: border-box; }
html { scroll-padding-top: 4.5rem; }
body {
  margin: 0; display: grid; grid-template-columns: 19rem minmax(0, 1fr); grid-template-rows: auto 1fr;
  font: 16px/1.55 system-ui, sans-serif; color: var(--text); background: var(--page);
}
a { color: var(--link); text-underline-offset: 0.15em; }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; border-radius: 0.25rem; }
code, pre, kbd, .method { font-family: ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace; }
code { font-size: 0.875em; overflow-wrap: anywhere; }
small { color: var(--dim); font-weight: normal; }
.skip { position: absolute; left: -99rem; }
.skip:focus { left: 1rem; top: 0.5rem; z-index: 3; background: var(--page); padding: 0.5rem; }
.bar {
  grid-column: 1 / -1; position: sticky; top: 0; z-index: 2; display: flex; align-items: center; gap: 0.75rem;
  height: 3.5rem; padding: 0 1.25rem; background: var(--page); border-bottom: 1px solid var(--line);
}
.home { font-weight: 650; color: var(--text); text-decoration: none; white-space: nowrap; }
.menu, .copy {
  font: inherit; font-size: 0.8125rem; color: var(--text); background: var(--panel); border: 1px solid var(--line);
  border-radius: 0.375rem; padding: 0.375rem 0.75rem; min-height: 2rem; cursor: pointer;
}
.menu { display: none; }
form { position: relative; margin-left: auto; flex: 0 1 24rem; }
form[hidden] { display: none; }
input {
  width: 100%; font: inherit; font-size: 0.9375rem; color: inherit; background: var(--panel);
  border: 1px solid var(--line); border-radius: 0.5rem; padding: 0.375rem 2.25rem 0.375rem 0.75rem;
}
kbd {
  position: absolute; right: 0.625rem; top: 0.5rem; font-size: 0.75rem; color: var(--dim);
  border: 1px solid var(--line); border-radius: 0.25rem; padding: 0 0.375rem;
}
form output { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
form ul {
  position: absolute; right: 0; top: calc(100% + 0.375rem); width: max(100%, min(30rem, calc(100vw - 2rem)));
  max-height: min(28rem, 75vh); overflow-y: auto; margin: 0; padding: 0.25rem; list-style: none;
  background: var(--page); border: 1px solid var(--line); border-radius: 0.5rem; box-shadow: 0 0.75rem 2rem rgb(0 0 0 / 0.18);
}
form ul:empty { display: none; }
form li a { display: block; padding: 0.375rem 0.625rem; border-radius: 0.375rem; color: var(--text); text-decoration: none; font-size: 0.9375rem; }
form li a:hover, form li a:focus { background: var(--mark); outline: 0; }
form li small:empty { display: none; }
form li small { display: block; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
nav {
  display: block; position: sticky; top: 3.5rem; height: calc(100vh - 3.5rem); width: auto; margin: 0; overflow-y: auto;
  padding: 1.25rem 1rem 3rem; border: 0; border-right: 1px solid var(--line); background: var(--panel); color: inherit;
  font-size: 0.8125rem; line-height: 1.4;
}
nav ul { list-style: none; margin: 0; padding: 0; }
nav > ul > li { margin-bottom: 0.875rem; font-weight: 650; }
nav a { color: var(--text); text-decoration: none; display: flex; gap: 0.5rem; padding: 0.125rem 0.25rem; border-radius: 0.25rem; overflow-wrap: anywhere; }
nav a:hover { text-decoration: underline; }
nav a[aria-current] { background: var(--mark); font-weight: 650; }
nav li li { font-weight: normal; }
nav li li a > span { flex: none; width: 3rem; text-align: right; color: var(--dim); }
main { padding: 2rem clamp(1rem, 4vw, 3.5rem) 6rem; max-width: 64rem; min-width: 0; outline: 0; }
h1 { font-size: 2rem; line-height: 1.2; margin: 0 0 0.5rem; letter-spacing: -0.01em; }
h2 { font-size: 1.5rem; margin: 3.5rem 0 0.5rem; letter-spacing: -0.01em; }
h3 { font-size: 1.0625rem; margin: 2rem 0 0.5rem; line-height: 1.4; }
article h3 { margin-top: 0; }
h3 a { color: inherit; }
h4, .caption { margin: 1.25rem 0 0.375rem; font-size: 0.8125rem; color: var(--dim); font-weight: 600; }
p { margin: 0.375rem 0; max-width: 46rem; }
.lead { font-size: 1.125rem; color: var(--dim); }
.path { font-size: 0.875rem; color: var(--dim); }
.facts span { color: var(--dim); margin-left: 0.5rem; }
.summary { font-weight: 600; }
.steps { list-style: none; margin: 1.5rem 0; padding: 0; display: grid; grid-template-columns: repeat(auto-fit, minmax(10rem, 1fr)); gap: 0.75rem; }
.steps a { display: block; height: 100%; padding: 0.875rem 1rem; border: 1px solid var(--line); border-radius: 0.625rem; background: var(--panel); text-decoration: none; color: var(--text); }
.steps a:hover { border-color: var(--link); }
.steps b { display: block; color: var(--link); }
.steps span { font-size: 0.875rem; color: var(--dim); }
.addresses { display: grid; grid-template-columns: max-content 1fr; gap: 0.25rem 1rem; font-size: 0.9375rem; }
.addresses dt, .addresses dd { margin: 0; }
.addresses dt { color: var(--dim); }
dt { margin-top: 0.75rem; }
dd { margin: 0 0 0 1rem; }
section > ul { padding-left: 1.25rem; max-width: 46rem; }
section > ul li { margin: 0.375rem 0; }
section > .routes { list-style: none; padding: 0; }
.routes a { color: var(--text); }
article { margin: 1.5rem 0; padding: 1.25rem; border: 1px solid var(--line); border-radius: 0.625rem; }
article:target, tr:target, figure:target { outline: 2px solid var(--link); outline-offset: 2px; }
.method { font-size: 0.75rem; font-weight: 700; }
nav li li a > .method { font-size: 0.6875rem; }
.get, nav li li a > .get { color: var(--get); }
.post, nav li li a > .post { color: var(--post); }
.put, .patch, nav li li a > .put, nav li li a > .patch { color: var(--put); }
.delete, nav li li a > .delete { color: var(--delete); }
.scope, .note { font-size: 0.875rem; color: var(--dim); }
table { width: 100%; border-collapse: collapse; font-size: 0.875rem; }
thead th { color: var(--dim); font-weight: 600; }
th { text-align: left; font-weight: normal; }
td, th { padding: 0.375rem 0.75rem 0.375rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
.fields th { width: 28%; }
.fields td:nth-child(2) { width: 24%; }
.pairs th { width: 8rem; }
figure { margin: 1.25rem 0 0; position: relative; }
figcaption { font-size: 0.875rem; color: var(--dim); font-weight: 600; margin-bottom: 0.375rem; padding-right: 5rem; }
pre {
  margin: 0; padding: 0.75rem 1rem; white-space: pre-wrap; overflow-wrap: anywhere; font-size: 0.8125rem; line-height: 1.5;
  background: var(--panel); border: 1px solid var(--line); border-radius: 0.5rem;
}
.command:has(+ .response) { border-bottom-left-radius: 0; border-bottom-right-radius: 0; }
.response { border-top: 0; border-top-left-radius: 0; border-top-right-radius: 0; background: none; }
.frames span { display: block; padding-left: 1.25rem; text-indent: -1.25rem; }
.sent { color: var(--post); }
.heard { color: var(--get); }
.copy { position: absolute; right: 0; top: -0.5rem; padding: 0.125rem 0.625rem; min-height: 1.75rem; }
.problems { list-style: none; margin: 0; padding: 0; display: flex; flex-wrap: wrap; gap: 0.25rem 1rem; font-size: 0.8125rem; }
@media (max-width: 56rem) {
  body { display: block; }
  .bar { padding: 0 1rem; }
  .menu { display: block; }
  .home small { display: none; }
  nav:not(:popover-open) { display: none; }
  nav {
    position: fixed; inset: 3.5rem auto 0 0; width: min(22rem, 88vw); height: auto; border-right: 1px solid var(--line);
    box-shadow: 0 0 2rem rgb(0 0 0 / 0.25);
  }
  nav a { padding-block: 0.25rem; }
  article { padding: 1rem 0.75rem; }
}
@media (max-width: 36rem) {
  .home { display: none; }
  form { flex-basis: 100%; }
  h1 { font-size: 1.625rem; }
  .steps { grid-template-columns: 1fr 1fr; }
  .steps :last-child:nth-child(odd) { grid-column: 1 / -1; }
  table, tbody, tr, td, tbody th { display: block; width: auto; }
  thead { display: none; }
  .fields td:nth-child(n), .fields th, .codes td, .closes td, .pairs td, tbody th { width: auto; border: 0; padding: 0; }
  tbody th, td:nth-child(2) { display: inline; }
  td:nth-child(2)::before { content: " "; }
  .pairs td:nth-child(2) { display: block; }
  td:empty { display: none; }
  tr { padding: 0.5rem 0; border-bottom: 1px solid var(--line); }
}
`;
