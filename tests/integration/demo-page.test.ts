/** The files of the player demo: served when switched on only, over both servers, under a strict policy. */
import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, test } from '@jest/globals';
import { loadConfig } from '../../gateway/config/config.ts';
import { exampleUrl } from '../../gateway/http/docs/example.ts';
import { MemoryStore } from '../../presence-core/index.ts';
import { startSidecar, type TestSidecar } from '../support/sidecar.ts';
import { SECRET } from '../support/tokens.ts';

let sidecar: TestSidecar;
afterEach(() => sidecar?.close());

test('it is off by default, and refused with authentication', async () => {
  sidecar = await startSidecar();
  expect((await sidecar.get('/demo')).status).toBe(404);
  expect((await sidecar.get('/docs')).body).not.toContain('href="demo"');
  const env = { DEMO: 'on', AUTH: 'jwt', JWT_SECRET: SECRET };
  expect(() => loadConfig(env, [])).toThrow('DEMO=on needs AUTH=off: its page plays as any user');
});

describe.each(['ws', 'uws'])('TRANSPORT=%s', (TRANSPORT) => {
  test('its files come as they are, and its examples are so', async () => {
    sidecar = await startSidecar(new MemoryStore(), { DEMO: 'on', TRANSPORT });
    for (const name of ['clip.webm', 'demo.css', 'demo.js', 'screen.js', 'server-view.js', 'cable.js', 'elements.js']) {
      const reply = await fetch(`${sidecar.url}/demo/${name}`);
      const bytes = Buffer.from(await reply.arrayBuffer());
      expect([name, bytes.equals(readFileSync(`gateway/demo/${name}`))]).toEqual([name, true]);
      const head = await fetch(`${sidecar.url}/demo/${name}`, { method: 'HEAD' });
      expect([name, head.headers.get('content-length')]).toEqual([name, String(bytes.length)]);
    }
    for (const route of sidecar.routes.filter(({ tag }) => tag.name === 'Demo')) {
      for (const example of route.examples) {
        const { status, body } = await sidecar.get(exampleUrl(route, example));
        expect([status, body]).toEqual([200, expect.stringContaining(example.text as string)]);
      }
    }
    expect((await sidecar.get('/demo/other.js')).body).toMatchObject({ code: 'not_found' });
  });

  test('its page may load its own files, and reach the socket of this host', async () => {
    sidecar = await startSidecar(new MemoryStore(), { DEMO: 'on', TRANSPORT });
    const { body, headers } = await sidecar.get('/demo');
    expect(body).toContain('content="ws://127.0.0.1:8080/ws"');
    expect(body).not.toMatch(/<style| style=| on\w+=|<script(?! type="module" src="demo)/);
    const policy = headers.get('content-security-policy');
    expect(policy).toMatch(/^default-src 'none'; script-src 'self'; style-src 'self'; /);
    expect(policy).toContain("connect-src 'self' ws://127.0.0.1:8080 ");
    expect(policy).not.toContain('unsafe');
    const [, icon] = /<link rel="icon" href="([^"]+)"/.exec(body) ?? [];
    expect((await fetch(new URL(icon as string, `${sidecar.url}/demo`))).status).toBe(200);
    expect(policy).toContain("img-src 'self'");
  });
});
