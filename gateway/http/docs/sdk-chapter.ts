/** The chapter of /docs on the SDK. */
import type { PresenceErrorCode } from '../../client/index.ts';
import type { ProblemCode } from '../../protocol/problems.ts';
import type { ApiDocument } from './api-document.ts';
import { assetText } from './assets.ts';
import { type Html, html, prose } from './html.ts';

/** Pages by themselves, which tests open in a browser. */
const EXAMPLES = [
  { id: 'sdk-player', title: 'A player in five lines' },
  { id: 'sdk-dashboard', title: 'A dashboard in five lines' },
  { id: 'sdk-limit', title: 'The fourth stream: let the user choose which one to stop' },
] as const;

/** Codes that no server sends. */
const OWN_CODES: Readonly<Record<Exclude<PresenceErrorCode, ProblemCode>, readonly [cause: string, cure: string]>> = {
  timeout: [
    'No welcome in `connectTimeoutMs`, or no answer in `replyTimeoutMs`.',
    'Look at `cause`; call `connect()` again.',
  ],
  disconnected: ['There is no connection now.', 'It comes back by itself; events are not sent twice.'],
  closed: ['`close()`, `leave()`, or a close code for good: `closeCode`.', '`connect()` begins anew.'],
  evicted: [
    'The session was ended for another one, or by an operator: `status.evicted.who`.',
    'Tell the user; `connect()` begins anew.',
  ],
  no_websocket: [
    'The address answers by HTTP, and no upgrade gets through.',
    'Pass `Upgrade` and `Connection` on in the proxy.',
  ],
  token_failed: ['The function `token` threw.', 'It is asked again by itself.'],
  protocol_error: ['The server sent what this version does not understand.', 'Check the address; update the SDK.'],
};

export function sdkChapter({ paths }: ApiDocument): Html {
  const script = (path: string, id: string): Html =>
    path in paths ? html`<a href="#${id}"><code>${path}</code></a>` : html`<code>${path}</code>`;
  return html`<section id="sdk">
<h2>SDK</h2>
<p>For browsers (syntax of ES2019), React, React Native and Node; no dependency; a player costs a page 5 KiB, compressed. It reconnects, resumes and backs off as the <a href="#closes">close codes</a> say, and notices connections that died without a word. As a package: <code>npm install presence-gateway-client</code>, whose README is the whole guide. From this server: ${script('/client.js', 'getClientJs')} (module) and ${script('/client.iife.js', 'getClientIifeJs')} (sets <code>Presence</code>).</p>
${EXAMPLES.map(
  ({ id, title }) => html`<figure id="${id}">
<figcaption>${title}</figcaption>
<pre class="command">${assetText(`${id}.txt`).trim()}</pre>
</figure>
`,
)}<h3 id="sdk-errors">Errors</h3>
<p>Each rejection and each <code>error</code> event is a <code>PresenceError</code>: <code>code</code> is that of a <a href="#problems">problem</a>, or one of these.</p>
<table class="closes">
<thead><tr><th scope="col">code</th><th scope="col">cause</th><th scope="col">cure</th></tr></thead>
<tbody>
${Object.entries(OWN_CODES).map(
  ([code, [cause, cure]]) =>
    html`<tr id="sdk-${code}"><th scope="row"><code>${code}</code></th><td>${prose(cause)}</td><td>${prose(cure)}</td></tr>\n`,
)}</tbody>
</table>
</section>
`;
}
