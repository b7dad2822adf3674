/**
 * What every HTTP server of the sidecar must do, as a client sees it. The interface is gateway/http/http-server.ts;
 * where uWS differs, wire-cases.ts says so.
 */
import { type IncomingHttpHeaders, request as nodeRequest, type RequestOptions } from 'node:http';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Dispatch } from '../../../gateway/http/exchange.ts';
import type { HttpServer, HttpServerOptions } from '../../../gateway/http/server/http-server.ts';
import { MemoryStore } from '../../../presence-core/index.ts';
import { startSidecar, type TestSidecar } from '../../support/sidecar.ts';

export interface HttpServerKind {
  readonly name: 'node' | 'uws';
  /** What makes a sidecar use it. */
  readonly transport: 'ws' | 'uws';
  create(dispatch: Dispatch, options?: HttpServerOptions): HttpServer;
}

interface RawReply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export function httpServerContract({ name, transport }: HttpServerKind): void {
  let sidecar: TestSidecar;

  describe(`${name} serves the sidecar`, () => {
    beforeEach(async () => {
      sidecar = await startSidecar(new MemoryStore(), { TRANSPORT: transport });
    });
    afterEach(() => sidecar.close());

    /** What fetch would not send. */
    function raw(
      method: string,
      path: string,
      options: RequestOptions = {},
      body?: string | Buffer,
    ): Promise<RawReply> {
      return new Promise((resolve, reject) => {
        const sent = nodeRequest(
          { host: '127.0.0.1', port: sidecar.port, method, path, ...options },
          async (response) => {
            resolve({ status: response.statusCode ?? 0, headers: response.headers, body: await text(response) });
          },
        );
        sent.on('error', reject);
        sent.end(body);
      });
    }

    const JSON_TYPE = { 'content-type': 'application/json' };
    const post = (body: string | Buffer, headers: Record<string, string> = JSON_TYPE) =>
      raw('POST', '/heartbeat', { headers }, body);
    const VALID = JSON.stringify({ userId: 'u1', streamId: 's1', sessionId: 'a' });

    describe('bodies', () => {
      test.each(['{', 'nonsense', '{"userId":"u1"', Buffer.from([0x22, 0xff, 0x22])])(
        '%s is not JSON',
        async (body) => {
          const { status, body: reply, headers } = await post(body);
          expect(status).toBe(400);
          expect(headers['content-type']).toBe('application/problem+json');
          expect(JSON.parse(reply)).toMatchObject({ code: 'invalid_request', errors: [{ path: 'body' }] });
        },
      );

      test('an empty body lacks what is required', async () => {
        const { status, body } = await post('', {});
        expect(status).toBe(400);
        expect(JSON.parse(body).errors).toEqual([{ path: 'userId', message: 'is required' }]);
      });

      test.each([
        ['none', {}],
        ['text', { 'content-type': 'text/plain' }],
        ['a form', { 'content-type': 'application/x-www-form-urlencoded' }],
        ['another JSON', { 'content-type': 'application/json5' }],
        ['another charset', { 'content-type': 'application/json; charset=latin1' }],
        ['compressed', { ...JSON_TYPE, 'content-encoding': 'gzip' }],
      ])('415 for content type: %s', async (_, headers) => {
        const { status, body } = await post(VALID, headers);
        expect([status, JSON.parse(body).code]).toEqual([415, 'unsupported_media_type']);
      });

      test.each(['application/json', 'Application/JSON; charset=UTF-8', 'application/json;charset="utf-8"'])(
        'takes %s',
        async (type) => {
          expect((await post(VALID, { 'content-type': type })).status).toBe(200);
        },
      );

      test('at most 64 KB, told before or while it is read, and the connection lives on', async () => {
        const padded = (size: number) => VALID.replace('{', `{"pad":"${'x'.repeat(size - VALID.length - 9)}",`);
        expect(Buffer.byteLength(padded(65_536))).toBe(65_536);
        expect((await post(padded(65_536))).status).toBe(200);
        const framings: Record<string, string>[] = [{}, { 'transfer-encoding': 'chunked' }];
        for (const framing of framings) {
          const { status, body } = await post(padded(65_537), { ...JSON_TYPE, ...framing });
          expect([status, JSON.parse(body).code]).toEqual([413, 'payload_too_large']);
        }
        expect((await post(padded(500_000))).status).toBe(413);
        expect((await post(VALID)).status).toBe(200);
      });
    });

    describe('addresses', () => {
      test('404 and 405 are problems; 405 says what is allowed', async () => {
        const missing = await sidecar.get('/nowhere');
        expect([missing.status, missing.body.code]).toEqual([404, 'not_found']);
        expect((await sidecar.get('/healthz/')).status).toBe(404);
        const wrong = await sidecar.request('PUT', '/heartbeat', {});
        expect([wrong.status, wrong.body.code]).toEqual([405, 'method_not_allowed']);
        expect(wrong.headers.get('allow')).toBe('POST, DELETE, OPTIONS');
        expect((await sidecar.request('DELETE', '/status/users')).headers.get('allow')).toBe(
          'POST, GET, HEAD, OPTIONS',
        );
        expect((await raw('PROPFIND', '/online')).status).toBe(405);
      });

      test('HEAD answers as GET does, without the body', async () => {
        const { status, headers, body } = await raw('HEAD', '/online');
        expect([status, body]).toEqual([200, '']);
        expect(headers['content-length']).toBe(String('{"users":0,"sessions":0}'.length));
        expect((await raw('HEAD', '/heartbeat')).status).toBe(405);
      });

      test('414 for a URL over 16 KB has the headers of any answer', async () => {
        const { status, headers, body } = await raw('GET', `/status/users?ids=${'a,'.repeat(9_000)}a`);
        expect([status, JSON.parse(body).code]).toEqual([414, 'uri_too_long']);
        expect(headers['x-request-id']).toBe(JSON.parse(body).requestId);
      });

      test('204 has neither length nor type', async () => {
        const framed = { ...JSON_TYPE, 'content-length': VALID.length };
        const { status, headers } = await raw('DELETE', '/heartbeat', { headers: framed }, VALID);
        expect([status, headers['content-length'], headers['content-type']]).toEqual([204, undefined, undefined]);
      });
    });

    describe('request ids and the log', () => {
      test('a sane id is taken, another is replaced', async () => {
        const idOf = async (id?: string) => {
          const { headers } = await sidecar.request(
            'GET',
            '/healthz',
            undefined,
            id === undefined ? {} : { 'x-request-id': id },
          );
          return headers.get('x-request-id');
        };
        expect(await idOf('abc.DEF:1_2-3')).toBe('abc.DEF:1_2-3');
        expect(await idOf('x'.repeat(64))).toBe('x'.repeat(64));
        for (const id of [undefined, 'x'.repeat(65), 'a b', '{"a":1}']) {
          expect(await idOf(id)).toMatch(/^[0-9a-f-]{36}$/);
        }
      });

      test('an error is one line whose correlationId is the x-request-id', async () => {
        const { headers, body } = await sidecar.request('POST', '/heartbeat?token=hush&a=1', { userId: 'a b' });
        expect(sidecar.lines).toHaveLength(1);
        expect(sidecar.lines[0]).toMatchObject({
          level: 'warn',
          url: '/heartbeat?token=[redacted]&a=1',
          correlationId: headers.get('x-request-id'),
        });
        expect(body.requestId).toBe(headers.get('x-request-id'));
      });

      test('LOG_REQUESTS=all logs each, with its body, without secrets; its steps carry the same id', async () => {
        await sidecar.close();
        sidecar = await startSidecar(new MemoryStore(), {
          TRANSPORT: transport,
          LOG_REQUESTS: 'all',
          LOG_LEVEL: 'debug',
        });
        const body = { userId: 'u1', sessionId: 'a', token: 'hush', nested: { apiKey: 'hush' } };
        const { headers } = await sidecar.request('POST', '/heartbeat', body);
        await sidecar.get('/healthz');
        expect(sidecar.lines.map(({ url }) => url)).toEqual([undefined, '/heartbeat', '/healthz']);
        expect(sidecar.lines[0]).toMatchObject({ outcome: 'opened', correlationId: headers.get('x-request-id') });
        expect(sidecar.lines[1]).toMatchObject({
          level: 'info',
          status: 200,
          correlationId: headers.get('x-request-id'),
          reqBody: { ...body, token: '[redacted]', nested: { apiKey: '[redacted]' } },
        });
      });
    });

    describe('CORS', () => {
      const cors = (headers: Headers) => [...headers.keys()].filter((name) => name.startsWith('access-control-'));
      const from = (origin: string, method = 'GET', path = '/online') =>
        sidecar.request(method, path, undefined, { origin });

      // Beyond loopback every origin may ask.
      const ANYWHERE = { TRANSPORT: transport, HOST: '0.0.0.0', AUTH: 'off' };

      test('without configured origins none is admitted', async () => {
        await sidecar.close();
        sidecar = await startSidecar(new MemoryStore(), ANYWHERE);
        expect(cors((await from('https://a.example')).headers)).toEqual([]);
        const preflight = await from('https://a.example', 'OPTIONS', '/guards');
        expect([preflight.status, preflight.headers.get('allow')]).toEqual([204, 'POST, OPTIONS']);
        expect(cors(preflight.headers)).toEqual([]);
        expect((await sidecar.request('OPTIONS', '/nowhere')).status).toBe(404);
      });

      test('a configured origin is admitted, on errors too; another is not', async () => {
        await sidecar.close();
        sidecar = await startSidecar(new MemoryStore(), {
          ...ANYWHERE,
          ALLOWED_ORIGINS: 'https://a.example,https://b.example',
        });
        for (const path of ['/online', '/nowhere']) {
          const { headers } = await from('https://b.example', 'GET', path);
          expect(headers.get('access-control-allow-origin')).toBe('https://b.example');
          expect(headers.get('access-control-expose-headers')).toContain('x-request-id');
          expect(headers.get('vary')).toBe('origin');
        }
        const { headers } = await from('https://b.example', 'OPTIONS', '/guards');
        expect(headers.get('access-control-allow-methods')).toContain('POST');
        expect(headers.get('access-control-allow-headers')).toContain('x-user-id');
        const other = await from('https://c.example');
        expect([other.status, cors(other.headers), other.headers.get('vary')]).toEqual([200, [], 'origin']);
      });

      test('* admits all', async () => {
        await sidecar.close();
        sidecar = await startSidecar(new MemoryStore(), { TRANSPORT: transport, ALLOWED_ORIGINS: '*' });
        expect((await from('https://c.example')).headers.get('access-control-allow-origin')).toBe('*');
      });
    });

    describe('operations', () => {
      test('/readyz is 503 while draining, /healthz never is', async () => {
        expect((await sidecar.get('/readyz')).status).toBe(200);
        sidecar.draining = true;
        const { status, body } = await sidecar.get('/readyz');
        expect([status, body.code]).toEqual([503, 'draining']);
        expect((await sidecar.get('/healthz')).status).toBe(200);
      });

      test('PUT /log-level takes effect at once', async () => {
        expect((await sidecar.request('PUT', '/log-level', { level: 'silent' })).status).toBe(204);
        expect((await sidecar.request('PUT', '/log-level', { level: 'loud' })).body.errors[0].path).toBe('level');
        expect(sidecar.lines).toEqual([]);
        await sidecar.request('PUT', '/log-level', { level: 'debug' });
        expect(sidecar.log.level).toBe('debug');
        expect(sidecar.lines).toMatchObject([{ logLevel: 'debug' }]);
      });
    });
  });
}
