/** /docs and /openapi.json as documents: what a browser is told of them, and that the page tells all of it. */
import { createHash } from 'node:crypto';
import { request as nodeRequest } from 'node:http';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { renderDocsPage } from '../../gateway/http/docs/docs-page.ts';
import { describeApi } from '../../gateway/http/docs/openapi.ts';
import { fillIn, ORIGIN, SOCKET } from '../../gateway/http/docs/place.ts';
import type { Route } from '../../gateway/http/route.ts';
import { PROBLEMS } from '../../gateway/protocol/problems.ts';
import { documentOf } from '../support/api-conformance.ts';
import { startSidecar, type TestSidecar } from '../support/sidecar.ts';

let sidecar: TestSidecar;
beforeAll(async () => {
  sidecar = await startSidecar();
});
afterAll(() => sidecar.close());

const escaped = (text: string): string =>
  text.replace(/[&<>"']/g, (found) => `&${{ '&': 'amp', '<': 'lt', '>': 'gt', '"': 'quot', "'": '#39' }[found]};`);

describe('the page', () => {
  test('has every operation, command and problem, each under its anchor', async () => {
    const { body: page, headers } = await sidecar.request('GET', '/docs');
    expect(headers.get('content-type')).toBe('text/html; charset=utf-8');
    const { document } = await documentOf(sidecar.url);
    for (const methods of Object.values(document.paths)) {
      for (const operation of Object.values(methods)) {
        expect(page).toContain(`<article id="${operation.operationId}">`);
        expect(page).toContain(escaped(operation.summary));
        for (const { source } of operation['x-codeSamples']) expect(page).toContain(escaped(source));
      }
    }
    for (const code of Object.keys(PROBLEMS)) expect(page).toContain(`<tr id="${code}">`);
    const anchors = [...page.matchAll(/href="#([^"]+)"/g)].map(([, id]) => id);
    expect(anchors.length).toBeGreaterThan(100);
    for (const id of new Set(anchors)) expect([id, page.split(`id="${id}"`).length]).toEqual([id, 2]);
  });

  test.each([
    ['/docs', ''],
    ['/docs/problems/forbidden', '../../'],
  ])('%s loads nothing but its script; its policy admits that and its style alone', async (path, root) => {
    const { body: page, headers } = await sidecar.request('GET', path);
    const script = `<script src="${root}docs/docs.js" defer></script>`;
    expect(page.split(script)).toHaveLength(2);
    const rest = page.replace(script, '').replace(/<link rel="icon" href="[^"]*favicon.ico" type="image.svg.xml">/, '');
    expect(rest).not.toMatch(/<script|<link|<img|<iframe| on\w+=| style=| src=/);
    const links = new Set([...rest.matchAll(/href="([^"#]*)/g)].map(([, href]) => href as string));
    for (const href of links) {
      const { pathname, origin } = new URL(href, sidecar.url + path);
      expect([href, origin]).toEqual([href, sidecar.url]);
      expect([href, (await fetch(origin + pathname)).status]).toEqual([href, 200]);
    }
    const [, style] = /<style>(.*?)<\/style>/s.exec(page) ?? [];
    const hash = createHash('sha256')
      .update(style ?? '')
      .digest('base64');
    expect(headers.get('content-security-policy')).toBe(
      `default-src 'none'; style-src 'sha256-${hash}'; script-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
    );
    expect(headers.get('x-content-type-options')).toBe('nosniff');
  });

  test('shows every example whole, in a block without a limit of its height', async () => {
    const { body: page } = await sidecar.request('GET', '/docs');
    const blocks = /<style>(.*?)<\/style>/s.exec(page)?.[1]?.match(/^(?:pre|\.response|\.command)\b[^}]*}/gm) ?? [];
    expect(blocks).toHaveLength(3);
    for (const block of blocks) expect(block).not.toMatch(/height: *[^;]*(?:rem|px|vh)/);
  });

  test('shows what a route says of itself as text', () => {
    const hostile = '<script>alert("1")</script>';
    const [route] = sidecar.routes as [Route];
    const odd = { ...route, summary: hostile, description: hostile, tag: { name: hostile, description: hostile } };
    const page = renderDocsPage(describeApi([odd], { version: hostile, auth: 'off', origin: hostile }));
    expect(page).not.toContain('<script>');
    expect(page.split(escaped(hostile)).length).toBeGreaterThan(5);
  });
});

describe('the addresses in its examples', () => {
  const page = (host: string) =>
    new Promise<string>((resolve, reject) => {
      const sent = nodeRequest(
        { host: '127.0.0.1', port: sidecar.port, path: '/docs', headers: { host } },
        (response) => resolve(text(response)),
      );
      sent.on('error', reject);
      sent.end();
    });

  test('are those by which the reader came', async () => {
    expect(await page('127.0.0.1:9999')).toContain('curl http://127.0.0.1:9999/online');
    expect(await page('localhost')).toContain('ws://localhost:8080/ws');
  });

  test('repeat nothing that is no host', () => {
    const ports = { httpPort: 8081, wsPort: undefined };
    for (const host of ['a"b', '<b>', 'a b', "x'y", 'a/b', 'x@y', '', undefined]) {
      expect([host, fillIn(`${ORIGIN}/x`, host, ports)]).toEqual([host, 'http://localhost:8081/x']);
    }
    expect(fillIn(SOCKET, '[::1]:81', ports)).toBe('ws://[::1]:8080/ws');
  });
});

test.each(['/', '/docs', '/docs/problems/forbidden'])('%s has an icon, which its policy admits', async (path) => {
  const { body: page, headers } = await sidecar.request('GET', path);
  const [, href] = /<link rel="icon" href="([^"]+)"/.exec(page) ?? [];
  const icon = await fetch(new URL(href as string, sidecar.url + path));
  expect([icon.status, icon.headers.get('content-type')]).toEqual([200, 'image/svg+xml']);
  expect(headers.get('content-security-policy')).toContain("img-src 'self'");
});

describe.each(['/openapi.json', '/docs', '/docs/problems/forbidden', '/docs/docs.js', '/favicon.ico'])('%s', (path) => {
  const get = (ifNoneMatch: string, method = 'GET') =>
    new Promise<{ status: number; headers: Record<string, unknown>; body: string }>((resolve, reject) => {
      const sent = nodeRequest(
        { host: '127.0.0.1', port: sidecar.port, path, method, headers: { 'if-none-match': ifNoneMatch } },
        async (response) => {
          const body = await text(response);
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body });
        },
      );
      sent.on('error', reject);
      sent.end();
    });

  test('is not sent again to who has it', async () => {
    const { headers } = await sidecar.request('GET', path);
    const etag = headers.get('etag') ?? '';
    expect([etag.length, headers.get('cache-control')]).toEqual([24, 'no-cache']);
    for (const known of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
      const reply = await get(known);
      expect([known, reply.status, reply.body]).toEqual([known, 304, '']);
      expect(reply.headers).toMatchObject({ etag, 'cache-control': 'no-cache', 'x-request-id': expect.any(String) });
      expect(reply.headers).not.toHaveProperty('content-length');
    }
    expect((await get('"other"')).status).toBe(200);
    expect(await get('"other"', 'HEAD')).toMatchObject({ status: 200, body: '' });
  });
});
