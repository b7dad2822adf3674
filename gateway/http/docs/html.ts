/** HTML templates that escape every value. */

/** Text that is HTML already. */
export class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** `false` and `undefined` render as nothing, for conditional parts. */
export type HtmlValue = string | number | Html | false | undefined | readonly HtmlValue[];

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function render(value: HtmlValue): string {
  if (value === false || value === undefined) return '';
  if (value instanceof Html) return value.text;
  if (typeof value === 'object') return value.map(render).join('');
  return String(value).replace(/[&<>"']/g, (found) => ENTITIES[found] as string);
}

/** Escapes its values: safe between tags and in quoted attributes. */
export function html(strings: TemplateStringsArray, ...values: readonly HtmlValue[]): Html {
  return new Html(String.raw({ raw: strings }, ...values.map(render)));
}

/** A text in which `…` in backquotes is code. */
export function prose(text: string): Html[] {
  return text.split('`').map((part, i) => (i % 2 === 1 ? html`<code>${part}</code>` : html`${part}`));
}

/**
 * @param style trusted CSS: not escaped
 * @param root leads from the page to the root of the server: empty, or such as `../../`
 */
export function htmlPage(title: string, style: string, body: Html, root: string): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<link rel="icon" href="${root}favicon.ico" type="image/svg+xml">
<style>${new Html(style)}</style>
<script src="${root}docs/docs.js" defer></script>
</head>
<body>
${body}</body>
</html>
`.text;
}
