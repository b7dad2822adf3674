/**
 * The second half of the contract of HTTP servers: connections that live long, clients that are slow, greedy or gone,
 * and how a server stops. The dispatch is a stand-in that answers when it is told to.
 */
import { networkInterfaces } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, describe, expect, test } from '@jest/globals';
import type { IncomingRequest, OutgoingResponse } from '../../../gateway/http/exchange.ts';
import { toProblem } from '../../../gateway/http/problem.ts';
import { BodyMemory } from '../../../gateway/http/server/body-memory.ts';
import { DISCARD_BYTES, type HttpServer, type HttpServerOptions } from '../../../gateway/http/server/http-server.ts';
import { createClientAddress } from '../../../gateway/limits/client-address.ts';
import { RawHttp } from '../../support/raw-http.ts';
import { until } from '../../support/raw-websocket.ts';
import { slowTests } from '../../support/slow-tests.ts';
import type { HttpServerKind } from './http-server-contract.ts';

const LIMIT = 65_536;
/** More than what kernel and server take in for a client that reads nothing. */
const LARGE = 'x'.repeat(8_000_000);
/** uWS ends a connection that was idle for 8 to 12 s, unless it is kept from it. */
const BEYOND_UWS_MS = 13_500;

const hasIpv6 = Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === '::1'));

const text = (body: string, status = 200): OutgoingResponse => ({
  status,
  headers: { 'content-type': 'text/plain' },
  body,
});
const get = (path: string, headers = ''): string => `GET ${path} HTTP/1.1\r\nhost: x\r\n${headers}\r\n`;
const post = (path: string, body: string, length = body.length): string =>
  `POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-length: ${length}\r\n\r\n${body}`;

/** Under /of/ a number of characters, which differ by what follows. */
function writtenAs(url: string): string {
  const [, , length, which] = url.split('/');
  return `${which} aä€😀 `.repeat(Number(length)).slice(0, Number(length));
}

/** What the server asked of the dispatch. */
interface Served {
  readonly url: string;
  readonly remoteAddress: string;
  readonly forwardedFor: string | undefined;
  /** How its body ended: its length, or the code of a problem. */
  body?: number | string;
  answer?: (answer: OutgoingResponse) => void;
}

/** @param cleanUp when what was started is ended: slow tests outlive the others, so theirs is at the end of the file. */
function httpServerRig({ create }: HttpServerKind, cleanUp: typeof afterEach) {
  const servers: HttpServer[] = [];
  const clients: RawHttp[] = [];

  cleanUp(async () => {
    for (const client of clients.splice(0)) client.destroy();
    for (const server of servers.splice(0)) await server.close();
  });

  /** Answers at once with method, path and length of the body; under /later when the test does, under /large with much. */
  async function start(host = '127.0.0.1', options?: HttpServerOptions) {
    const served: Served[] = [];
    const dispatch = async (incoming: IncomingRequest): Promise<OutgoingResponse> => {
      const { method, url, remoteAddress } = incoming;
      const one: Served = { url, remoteAddress, forwardedFor: incoming.header('x-forwarded-for') };
      served.push(one);
      if (url.startsWith('/unread')) return text('unread', 404);
      if (url.startsWith('/refused')) {
        incoming.readBody(LIMIT).catch(() => undefined);
        incoming.dropBody();
        return text('refused', 401);
      }
      try {
        one.body = method === 'POST' ? (await incoming.readBody(LIMIT)).length : 0;
      } catch (error) {
        const problem = toProblem(error);
        one.body = problem.code;
        return text(problem.code, problem.status);
      } finally {
        if (!url.startsWith('/held')) incoming.dropBody();
      }
      if (url.startsWith('/later')) return new Promise((resolve) => Object.assign(one, { answer: resolve }));
      if (url.startsWith('/large')) return text(LARGE);
      if (url.startsWith('/of/')) return text(writtenAs(url));
      if (url.startsWith('/soon')) await sleep(Number(url.slice('/soon/'.length)) % 7);
      return text(`${method} ${url} ${one.body}`);
    };
    const server = create(dispatch, options);
    servers.push(server);
    const port = await server.listen(host, 0);
    const connect = async (options?: { host?: string; isHead?: boolean }): Promise<RawHttp> => {
      const client = await RawHttp.open(port, options);
      clients.push(client);
      return client;
    };
    return { server, port, served, connect };
  }

  return start;
}

export function httpServerConnections(kind: HttpServerKind): void {
  const { name, create } = kind;
  const start = httpServerRig(kind, afterEach);
  const startForSlow = httpServerRig(kind, afterAll);
  const slowTest = slowTests();

  describe(`${name} connections`, () => {
    slowTest('one is kept while a player beats more slowly than uWS would wait', async () => {
      const { connect } = await startForSlow();
      const client = await connect();
      const other = await connect();
      for (const beat of [1, 2]) {
        client.write(post(`/beat/${beat}`, '{}'));
        const { headers, body } = await client.answer(beat);
        expect([headers.get('keep-alive'), body]).toEqual(['timeout=65', `POST /beat/${beat} 2`]);
        // What is known of idle connections must survive what others do meanwhile.
        other.write(get(`/${beat}`));
        if (beat === 1) await sleep(BEYOND_UWS_MS);
      }
      expect(client.isEnded).toBe(false);
    });

    test('many at once, each answer goes to its own', async () => {
      const { connect } = await start();
      const one = async (number: number): Promise<void> => {
        for (let i = 0; i < 20; i++) {
          const client = await connect();
          const path = `/soon/${number * 100 + i}`;
          // Every third leaves in the middle.
          if (i % 3 === 1) client.write(post(path, 'part', 10)).destroy();
          else if (i % 3 === 2) client.write(post(path, 'whole')).destroy();
          else {
            client.write(get(path)).write('');
            expect((await client.answer(1)).body).toBe(`GET ${path} 0`);
            client.write(post(`${path}1`, 'x'.repeat(i)));
            expect((await client.answer(2)).body).toBe(`POST ${path}1 ${i}`);
          }
        }
      };
      await Promise.all(Array.from({ length: 40 }, (_, number) => one(number)));
    });

    test('the address of the peer, and what proxies say of it', async () => {
      const { connect, served } = await start(hasIpv6 ? '::' : '127.0.0.1');
      const plain = createClientAddress([]);
      const ways = hasIpv6 ? ['127.0.0.1', '::1'] : ['127.0.0.1'];
      for (const host of ways) {
        const client = await connect({ host });
        await client.write(get('/', 'x-forwarded-for: 10.0.0.1\r\nX-Forwarded-For: 10.0.0.2, 10.0.0.3\r\n')).answer();
      }
      expect(served.map(({ remoteAddress }) => plain(remoteAddress, undefined))).toEqual(ways);
      expect(served[0]?.forwardedFor).toBe('10.0.0.1, 10.0.0.2, 10.0.0.3');
      await (await connect()).write(get('/')).answer();
      expect(served.at(-1)?.forwardedFor).toBeUndefined();
    });

    test.each([204, 304])('%i has neither length nor type, and leaves the connection to the next', async (status) => {
      const { connect, served } = await start();
      const client = await connect();
      client.write(get('/later'));
      await until(() => served[0]?.answer !== undefined, 'the request');
      served[0]?.answer?.({ status, headers: {}, body: '' });
      const { headers } = await client.answer(1);
      expect([headers.has('content-length'), headers.has('transfer-encoding')]).toEqual([false, false]);
      expect((await client.write(get('/next')).answer(2)).body).toBe('GET /next 0');
    });

    test('HEAD leaves the connection to the next', async () => {
      const { connect } = await start();
      const client = await connect({ isHead: true });
      client.write(get('/a').replace('GET', 'HEAD'));
      expect((await client.answer(1)).headers.get('content-length')).toBe(String('HEAD /a 0'.length));
      client.write(get('/a').replace('GET', 'HEAD'));
      await client.answer(2);
    });
  });

  describe(`${name} clients`, () => {
    slowTest('a slow head and a slow body are cut', async () => {
      const { connect, served } = await startForSlow();
      const [none, head, body, chunks] = await Promise.all([connect(), connect(), connect(), connect()]);
      head.write('GET / HTTP/1.1\r\nhost: x\r\n');
      body.write(post('/', 'part', 10));
      chunks.write(post('/', '').replace('content-length: 0', 'transfer-encoding: chunked'));
      await Promise.all([head, body, chunks].map((client) => client.ended()));
      await until(() => served.every((one) => one.body === 'invalid_request'), 'the end of both bodies');
      expect(served).toHaveLength(2);
      none.destroy();
    });

    test('a body over the limit is refused while it is sent, and the connection lives on', async () => {
      const { connect } = await start();
      const client = await connect();
      client.write(post('/', 'x', 300_000));
      expect((await client.answer(1)).status).toBe(413);
      for (let i = 0; i < 30; i++) client.write('x'.repeat(10_000).slice(i === 29 ? 1 : 0));
      client.write(get('/next'));
      expect((await client.answer(2)).body).toBe('GET /next 0');
    });

    test.each([
      ['of a length', '/', `content-length: ${10 * DISCARD_BYTES}`, 'x'.repeat(10_000)],
      ['that nobody reads', '/unread', `content-length: ${10 * DISCARD_BYTES}`, 'x'.repeat(10_000)],
      ['in chunks', '/', 'transfer-encoding: chunked', `2710\r\n${'x'.repeat(10_000)}\r\n`],
    ])('a body without end, %s, is cut', async (_, path, framing, piece) => {
      const { connect } = await start();
      const client = await connect();
      client.write(post(path, '').replace('content-length: 0', framing));
      while (!client.isEnded) {
        if (client.stream.writableLength < DISCARD_BYTES) client.write(piece);
        await new Promise((resolve) => setImmediate(resolve));
      }
      expect(client.stream.bytesWritten).toBeLessThan(9 * DISCARD_BYTES);
    });

    test('bodies share what memory they may use: who finds no room is refused, until others are answered', async () => {
      const { connect, served } = await start('127.0.0.1', { memory: new BodyMemory(130_000) });
      const part = 'x'.repeat(40_000);
      const [first, second, third] = await Promise.all([connect(), connect(), connect()]);
      first.write(post('/', part, 60_000));
      second.write(post('/', part, 60_000));
      await until(() => served.length === 2, 'both requests');
      await sleep(50);
      expect((await third.write(post('/', 'x'.repeat(60_000))).answer(1)).body).toBe('overloaded');
      // It is free again when they are answered, or gone.
      first.write('x'.repeat(20_000));
      expect((await first.answer(1)).body).toBe('POST / 60000');
      second.destroy();
      await until(() => served[1]?.body === 'invalid_request', 'the end of the second');
      const fourth = await connect();
      expect((await fourth.write(post('/', 'x'.repeat(60_000))).answer(1)).body).toBe('POST / 60000');
    });

    test('the body of a request that was refused already takes no memory', async () => {
      const { connect, served } = await start('127.0.0.1', { memory: new BodyMemory(100_000) });
      const refused = await Promise.all(Array.from({ length: 10 }, () => connect()));
      for (const client of refused) client.write(post('/refused', 'x'.repeat(20_000), 60_000));
      await until(() => served.length === 10, 'the requests');
      for (const client of refused) client.write('x'.repeat(20_000));
      await sleep(50);
      expect((await (await connect()).write(post('/', 'x'.repeat(60_000))).answer(1)).body).toBe('POST / 60000');
    });

    test('connections beyond the bound are cut, until others are closed', async () => {
      const { connect } = await start('127.0.0.1', { maxConnections: 3 });
      const clients = await Promise.all([connect(), connect(), connect()]);
      for (const client of clients) await client.write(get('/')).answer(1);
      await (await connect()).ended();
      clients[0]?.destroy();
      const isServed = async (): Promise<boolean> => {
        const client = await connect();
        client.write(get('/later'));
        client.write('');
        await sleep(20);
        return !client.isEnded;
      };
      while (!(await isServed()));
    });

    test('requests of one connection are served one by one, and not many wait', async () => {
      const { connect, served } = await start();
      const [some, many] = await Promise.all([connect(), connect()]);
      some.write(get('/later/a') + get('/later/b') + get('/later/c'));
      await until(() => served.some((one) => one.answer), 'the first request');
      await sleep(50);
      expect(served.map(({ url }) => url)).toEqual(['/later/a']);
      many.write(get('/later/d').repeat(40));
      await many.ended();
      expect(served.filter(({ url }) => url === '/later/d')).toHaveLength(1);
      served[0]?.answer?.(text('a'));
      if (name === 'node') {
        expect((await some.answer(1)).body).toBe('a');
        await until(() => served.some(({ url }) => url === '/later/b'), 'the second request');
      } else await some.ended();
    });

    test('one that asks again and again and reads nothing is served little', async () => {
      const { connect, served } = await start();
      const client = await connect();
      client.stream.pause();
      for (let i = 0; i < 20; i++) {
        client.write(get('/large'));
        await sleep(10);
      }
      expect(served.length).toBeLessThanOrEqual(3);
    });

    slowTest('one that reads nothing of its answer is cut', async () => {
      const { connect } = await startForSlow();
      const client = await connect();
      client.stream.pause();
      client.write(get('/large'));
      // What it sends is no reason to wait longer.
      while (!client.isEnded) {
        client.write('\r\n');
        await sleep(500);
      }
    });

    test('one that is gone in the middle of its body, or before its answer, is nobody’s trouble', async () => {
      const { connect, served } = await start();
      const leavers = await Promise.all(Array.from({ length: 20 }, () => connect()));
      leavers.forEach((client, i) => {
        client.write(i % 2 === 0 ? post('/later', 'part', 10) : post('/later', 'whole'));
      });
      await until(() => served.filter((one) => one.answer).length === 10, 'the requests');
      leavers.forEach((client, i) => {
        if (i % 4 < 2) client.stream.resetAndDestroy();
        else client.destroy();
      });
      await until(() => served.filter((one) => one.body === 'invalid_request').length === 10, 'the broken bodies');
      for (const one of served) one.answer?.(text('late'));
      expect((await (await connect()).write(get('/after')).answer()).body).toBe('GET /after 0');
    });

    test('a body that never comes because its length was refused keeps nothing waiting', async () => {
      const { connect, served } = await start();
      const client = await connect();
      client.write(post('/', '').replace('content-length: 0', 'content-length: many'));
      await client.ended();
      await (await connect()).write(get('/')).answer();
      await until(() => served.every((one) => one.body !== undefined), 'the end of the body');
    });

    test('answers of any length and script arrive as they were, read at once or late', async () => {
      const { connect } = await start();
      const [prompt, late] = await Promise.all([connect(), connect()]);
      const bytes = (url: string): string => Buffer.from(writtenAs(url)).toString('latin1');
      const urls = [1, 999, 1_023, 1_025, 5_001, 20_001, 21_845, 21_847, 50_001, 65_537].map((n) => `/of/${n}/p`);
      for (const [i, url] of urls.entries()) {
        expect((await prompt.write(get(url)).answer(i + 1)).body).toBe(bytes(url));
      }
      late.stream.pause();
      const later = Array.from({ length: 12 }, (_, i) => `/of/20001/${i}`);
      late.write(later.map((url) => get(url)).join(''));
      await sleep(200);
      const busy = await connect();
      for (let i = 1; i <= 20; i += 1) await busy.write(get('/of/20001/b')).answer(i);
      late.stream.resume();
      await late.answer(later.length);
      expect(late.answers.map(({ body }) => body)).toEqual(later.map(bytes));
    });

    test('one that reads a large answer slowly gets all of it; one that stops is nobody’s trouble', async () => {
      const { connect } = await start();
      const [slow, gone] = await Promise.all([connect(), connect()]);
      slow.stream.pause();
      gone.stream.pause();
      slow.write(get('/large'));
      gone.write(get('/large'));
      await sleep(200);
      gone.stream.resetAndDestroy();
      slow.stream.resume();
      expect((await slow.answer(1)).body).toHaveLength(LARGE.length);
      expect((await slow.write(get('/next')).answer(2)).body).toBe('GET /next 0');
    });
  });

  describe(`${name} listens and closes`, () => {
    test('a taken port is named', async () => {
      const { port } = await start();
      const second = create(async () => text(''));
      await expect(second.listen('127.0.0.1', port)).rejects.toThrow(`HTTP port ${port} on 127.0.0.1 is in use`);
      await second.close();
    });

    test('close ends idle connections, lets requests in flight finish, and takes no more', async () => {
      const { server, served, connect, port } = await start();
      const [fresh, idle, busy, bodiless] = await Promise.all([connect(), connect(), connect(), connect()]);
      await idle.write(get('/')).answer();
      busy.write(get('/later'));
      bodiless.write(post('/later', 'ab'));
      await until(() => served.filter((one) => one.answer).length === 2, 'the requests');
      const closed = server.close();
      await idle.ended();
      await fresh.ended();
      for (const one of served) one.answer?.(one.url === '/later' ? text('done') : text(''));
      const { headers, body } = await busy.answer();
      expect([headers.get('connection')?.toLowerCase(), body]).toEqual(['close', 'done']);
      expect((await bodiless.answer()).body).toBe('done');
      await closed;
      await Promise.all([busy.ended(), bodiless.ended()]);
      await expect(RawHttp.open(port).then((late) => late.write(get('/')).answer())).rejects.toThrow();
    });

    test('a connection that was just accepted has time for its first request as the server closes', async () => {
      const { server, connect } = await start();
      const fresh = await connect();
      const closed = server.close();
      const { status, headers } = await fresh.write(get('/')).answer();
      expect([status, headers.get('connection')?.toLowerCase()]).toEqual([200, 'close']);
      await fresh.ended();
      await closed;
    });

    slowTest('close cuts what does not finish', async () => {
      const { server, served, connect } = await startForSlow();
      const [unanswered, unread] = await Promise.all([connect(), connect()]);
      unread.stream.pause();
      unread.write(get('/large'));
      unanswered.write(get('/later'));
      await until(() => served.length === 2 && served.some((one) => one.answer), 'the requests');
      await server.close();
      await unanswered.ended();
      expect(unanswered.answers).toEqual([]);
      served.find((one) => one.answer)?.answer?.(text('too late'));
    });

    test('a large answer that comes while the server closes is sent in full', async () => {
      const { server, connect, served } = await start();
      const client = await connect();
      client.write(get('/later'));
      await until(() => served[0]?.answer !== undefined, 'the request');
      const closed = server.close();
      served[0]?.answer?.(text(LARGE));
      expect((await client.answer()).body).toHaveLength(LARGE.length);
      await closed;
    });
  });
}
