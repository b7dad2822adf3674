import { describe, expect, test } from '@jest/globals';
import { html, htmlPage } from '../../gateway/http/docs/html.ts';

describe('html', () => {
  test('escapes what is put in, in text and in attributes', () => {
    const hostile = `<script>"&'</script>`;
    const escaped = '&lt;script&gt;&quot;&amp;&#39;&lt;/script&gt;';
    expect(html`<p title="${hostile}">${hostile}</p>`.text).toBe(`<p title="${escaped}">${escaped}</p>`);
    expect(html`${[hostile, hostile]}`.text).toBe(escaped + escaped);
    expect(htmlPage(hostile, '', html``, '')).toContain(`<title>${escaped}</title>`);
  });

  test('takes what is HTML already as it is, and leaves out what is not there', () => {
    expect(html`<ul>${[1, 2].map((n) => html`<li>${n}</li>`)}</ul>`.text).toBe('<ul><li>1</li><li>2</li></ul>');
    expect(html`${0}${false}${undefined}${[]}`.text).toBe('0');
  });
});
