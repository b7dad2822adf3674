/** /docs and /openapi.json as documents: what a browser is told of them, and that the page tells all of it. */
import { createHash } from 'node:crypto';
import { request as nodeRequest } from 'node:http';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { renderDocsPage } from '../../gateway/http/docs/docs-page.ts';
import { describeApi } from '../../gateway/http/docs/openapi.ts';
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

  test('runs no script and loads nothing; its policy admits its style alone', async () => {
    const { body: page, headers } = await sidecar.request('GET', '/docs');
    expect(page).not.toMatch(/<script|<link|<img|<iframe| on\w+=| style=| src=|href="(?!#|openapi\.json")/);
    const [, style] = /<style>(.*?)<\/style>/s.exec(page) ?? [];
    const hash = createHash('sha256')
      .update(style ?? '')
      .digest('base64');
    expect(headers.get('content-security-policy')).toBe(
      `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
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
    expect(page).not.toContain('<script');
    expect(page.split(escaped(hostile)).length).toBeGreaterThan(5);
  });
});

describe.each(['/openapi.json', '/docs'])('%s', (path) => {
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
