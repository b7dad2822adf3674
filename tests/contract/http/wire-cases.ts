/**
 * Bytes as a client may or must not send them, and what it then sees: heads and bodies in pieces, framing that servers
 * and proxies have read in different ways, URLs and headers in odd forms.
 */

/** Where uWS differs from what node:http does: what is seen instead, and why that may be. */
export const DIFFERENCES = {
  version: { uws: ['505', 'end'], because: 'a first line that it cannot read counts as another version of HTTP' },
  splitLine: {
    uws: ['505', 'end'],
    because: 'a first line cut in two counts as that, too: put a proxy in front, or ask for long lists by POST',
  },
  bare400: { uws: ['400', 'end'], because: 'uWS itself refuses, without a problem body' },
  bare431: {
    uws: ['431', 'end'],
    because: 'uWS itself refuses; only a head that comes in one piece is refused with a problem body',
  },
  unanswered: { uws: ['end'], because: 'it waits for the rest of the head, and ends the connection after 8 to 12 s' },
  pipelined: {
    uws: ['end'],
    because: 'it accepts no request before the last one is answered; clients that pipeline send it again',
  },
  chunked: {
    uws: ['200', 'end'],
    because:
      'we end the connection after a chunked body: its parser of chunks is not strict, so what follows is not safe',
  },
  afterChunked: { uws: ['end'], because: 'the connection ends before the answer is sent, for the same reason' },
  trailer: { uws: ['505', 'end'], because: 'it does not know trailers and reads them as the next request' },
  chunkExtension: {
    uws: ['end'],
    because: 'it reads an extension as a part of the length, and waits for a body that never comes',
  },
  coding: {
    uws: ['400 invalid_request', 'end'],
    because: 'it would read any transfer coding as chunked, so we refuse all others',
  },
  emptyLine: { uws: ['200', '505', 'end'], because: 'it does not accept an empty line after a request' },
  lateBody: {
    uws: ['100', '413 payload_too_large', 'end'],
    because: 'it ends a connection whose body does not arrive, without an answer',
  },
  nonAscii: { uws: ['400 invalid_request'], because: 'it accepts such URLs, and the routes refuse them' },
} as const;

export interface WireCase {
  readonly name: string;
  /** Each is sent in a segment of its own. */
  readonly segments: readonly (string | Buffer)[];
  /**
   * Of each answer its status, and the code if it is a problem; then `end` if the connection ends. Without an `end` it
   * must serve another request.
   */
  readonly sees: readonly string[];
  readonly differs?: keyof typeof DIFFERENCES;
}

const HOST = 'host: localhost\r\n';
const CHUNKED = 'transfer-encoding: chunked\r\n';
const LAST_CHUNK = '0\r\n\r\n';
const BEAT = '{"userId":"u1","sessionId":"a"}';

const [llhttpMajor = 0, llhttpMinor = 0] = process.versions.llhttp?.split('.').map(Number) ?? [];
/** The parser of node:http refuses a transfer-encoding of nothing since llhttp 9.4 (Node 22 and 24). */
const EMPTY_CODING = llhttpMajor * 100 + llhttpMinor >= 904 ? '400 invalid_request, end' : '200';

const lengthOf = (text: string): string => `content-length: ${text.length}\r\n`;
const chunk = (text: string, extension = ''): string => `${text.length.toString(16)}${extension}\r\n${text}\r\n`;
const IN_CHUNKS = chunk(BEAT) + LAST_CHUNK;

export function get(path: string, headers = HOST): string {
  return `GET ${path} HTTP/1.1\r\n${headers}\r\n`;
}

export function post(headers: string, body = ''): string {
  return `POST /heartbeat HTTP/1.1\r\n${HOST}content-type: application/json\r\n${headers}\r\n${body}`;
}

const cut = (bytes: string, ...at: number[]): string[] => [0, ...at].map((from, i) => bytes.slice(from, at[i]));
const online = (header = ''): string => get('/online', HOST + header);
const urlOf = (length: number): string => get(`/online?${'a'.repeat(length - '/online?'.length)}`);

type Difference = keyof typeof DIFFERENCES;

function one(name: string, bytes: string | Buffer, sees: string, differs?: Difference): WireCase {
  return parts(name, [bytes], sees, differs);
}

function parts(name: string, segments: readonly (string | Buffer)[], sees: string, differs?: Difference): WireCase {
  return { name, segments, sees: sees.split(', '), ...(differs && { differs }) };
}

const refused = (name: string, bytes: string | Buffer, differs?: Difference): WireCase =>
  one(name, bytes, '400 invalid_request, end', differs);

const CONNECTIONS: readonly WireCase[] = [
  one('a request', online(), '200'),
  one('connection: close', online('connection: close\r\n'), '200, end'),
  one('Close among others', online('connection: x, Close\r\n'), '200, end'),
  one('three in one piece', online() + online() + get('/nowhere'), '200, 200, 404 not_found', 'pipelined'),
  one('two with a body in one piece', post(lengthOf(BEAT), BEAT).repeat(2), '200, 200', 'pipelined'),
  one('three that wait for nothing', get('/healthz').repeat(2) + get('/nowhere'), '200, 200, 404 not_found'),
  parts('an empty line behind', [online(), '\r\n', online()], '200, 200', 'emptyLine'),
  one('an empty line in front', `\r\n${online()}`, '200', 'version'),
  one('upgrade to websocket', online('connection: upgrade\r\nupgrade: websocket\r\n'), '200'),
  one('upgrade to HTTP/2', online('connection: upgrade\r\nupgrade: h2c\r\n'), '200'),
  one('HTTP/1.0', online().replace('1.1', '1.0'), '200, end', 'version'),
  refused('HTTP/1.2', online().replace('1.1', '1.2'), 'version'),
  refused('HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'version'),
  refused('TLS', Buffer.from('1603010200010001fc0303', 'hex'), 'version'),
  refused('nonsense', 'nonsense\r\n\r\n', 'version'),
  refused('lines without CR', 'GET /online HTTP/1.1\nhost: localhost\n\n', 'version'),
];

const HEADS: readonly WireCase[] = [
  parts('the method in two', cut(online(), 1), '200'),
  parts('the path in two', cut(online(), 7), '200', 'splitLine'),
  parts('the version in two', cut(online(), 15), '200', 'splitLine'),
  parts('the last line in two', cut(online(), online().length - 1), '200'),
  parts(
    'byte by byte behind the first line',
    cut(post(lengthOf(BEAT), BEAT), ...Array.from({ length: 64 }, (_, i) => 26 + i)),
    '200',
  ),
  parts(
    'headers of 16 KB in two',
    cut(online(`cookie: ${'c'.repeat(8_000)}\r\nx-large: ${'x'.repeat(8_000)}\r\n`), 9_000),
    '200',
  ),
  one('a URL of 16 KB', urlOf(16_384), '200'),
  one('and headers of 15 KB', urlOf(16_384).replace(HOST, `${HOST}x-large: ${'x'.repeat(15_000)}\r\n`), '200'),
  one('a URL of 16 KB and a byte', urlOf(16_385), '414 uri_too_long'),
  one('a URL of 30 KB', urlOf(30_000), '414 uri_too_long'),
  parts('a URL of 100 KB', cut(urlOf(100_000), 20_000, 40_000), '414 uri_too_long, end', 'splitLine'),
  one('headers of 40 KB', online(`x-large: ${'x'.repeat(40_000)}\r\n`), '431 invalid_request, end'),
  parts(
    'headers of 40 KB in pieces',
    cut(online(`x-large: ${'x'.repeat(1_000)}\r\n`.repeat(40)), 20_000, 30_000),
    '431 invalid_request, end',
    'bare431',
  ),
  one('90 headers', online('a: b\r\n'.repeat(90)), '200'),
  one('120 headers', online('a: b\r\n'.repeat(120)), '200', 'unanswered'),
  one('no host', get('/online', 'a: b\r\n'), '400, end'),
  one('no header at all', get('/online', ''), '400, end', 'unanswered'),
  refused('two hosts', online('Host: other\r\n')),
  refused('two hosts, and a body', post(`host: other\r\n${lengthOf(BEAT)}`, BEAT)),
  one('a tab in a header', online('a: b\tc\r\n'), '200'),
  one('a byte beyond ASCII in a header', Buffer.from(online('a: é\r\n'), 'latin1'), '200'),
  refused('a control character in a header', online('a: b\x01c\r\n'), 'unanswered'),
  refused('a null character in a header', online('a: b\0c\r\n'), 'unanswered'),
  refused('a CR alone in a header', online('a: b\rc: d\r\n'), 'unanswered'),
  refused('a folded header', online('a: b\r\n c\r\n'), 'unanswered'),
  refused('a header without colon', online('abc\r\n'), 'unanswered'),
  refused('a space in the name of a header', online('a b: c\r\n'), 'unanswered'),
  refused('a space before the colon', post('transfer-encoding : chunked\r\n', IN_CHUNKS), 'unanswered'),
  one('a method that no route has', online().replace('GET', 'PROPFIND'), '405 method_not_allowed'),
  refused('a method that nobody has', online().replace('GET', 'FOO')),
  refused('a method in lower case', online().replace('GET', 'get')),
];

const BODIES: readonly WireCase[] = [
  parts('a body in two', cut(post(lengthOf(BEAT), BEAT), post(lengthOf(BEAT)).length + 9), '200'),
  one('a body where none is read', `${get('/nowhere', HOST + lengthOf('hello'))}hello`, '404 not_found'),
  one('in a chunk', post(CHUNKED, IN_CHUNKS), '200', 'chunked'),
  parts(
    'in chunks in pieces',
    [post(CHUNKED), '3\r', `\n${BEAT.slice(0, 3)}`, `\r\n${chunk(BEAT.slice(3))}`, LAST_CHUNK],
    '200',
    'chunked',
  ),
  one('in chunks, unread', get('/online', HOST + CHUNKED) + IN_CHUNKS, '200', 'chunked'),
  one('in chunks, and another request', post(CHUNKED, IN_CHUNKS) + online(), '200, 200', 'afterChunked'),
  one('a chunk with an extension', post(CHUNKED, chunk(BEAT, ';a=b') + LAST_CHUNK), '200', 'chunkExtension'),
  one('chunks with a trailer', post(CHUNKED, `${chunk(BEAT)}0\r\na: b\r\n\r\n`), '200', 'trailer'),
  refused('a chunk without length', post(CHUNKED, `zz\r\n${BEAT}\r\n${LAST_CHUNK}`), 'bare400'),
  refused('length, and chunks', post(lengthOf(BEAT) + CHUNKED, IN_CHUNKS), 'bare400'),
  refused('chunks, and length', post(CHUNKED + lengthOf(BEAT), IN_CHUNKS), 'bare400'),
  refused('two lengths', post(`${lengthOf(BEAT)}content-length: 3\r\n`, BEAT)),
  refused('one length twice', post(lengthOf(BEAT).repeat(2), BEAT)),
  refused('a list of lengths', post('content-length: 3, 3\r\n', 'abc'), 'bare400'),
  refused('a length with a sign', post(`content-length: +${BEAT.length}\r\n`, BEAT), 'bare400'),
  refused('a length below 0', post('content-length: -1\r\n'), 'bare400'),
  refused('a length in hex', post('content-length: 0x1f\r\n', BEAT), 'bare400'),
  refused('a length of 20 digits', post(`content-length: ${'9'.repeat(20)}\r\n`), 'bare400'),
  refused('an empty length', post('content-length: \r\n')),
  refused('chunked, identity', post('transfer-encoding: chunked, identity\r\n', IN_CHUNKS)),
  refused('identity', post('transfer-encoding: identity\r\n', IN_CHUNKS)),
  refused('xchunked', post('transfer-encoding: xchunked\r\n', IN_CHUNKS)),
  refused('chunked twice', post(CHUNKED.repeat(2), IN_CHUNKS)),
  one('gzip, chunked', post('transfer-encoding: gzip, chunked\r\n', IN_CHUNKS), '200', 'coding'),
  one('an empty coding', post(`transfer-encoding: \r\n${lengthOf(BEAT)}`, BEAT), EMPTY_CODING, 'coding'),
  parts('expect: 100-continue', [post(`expect: 100-continue\r\n${lengthOf(BEAT)}`), BEAT], '100, 200'),
  one(
    'expect: 100-continue for too much',
    post('expect: 100-continue\r\ncontent-length: 100000\r\n'),
    '100, 413 payload_too_large, 408 invalid_request, end',
    'lateBody',
  ),
  one('another expectation', post(`expect: wonders\r\n${lengthOf(BEAT)}`, BEAT), '200'),
];

const URLS: readonly WireCase[] = [
  one('with a question mark and nothing', get('/online?'), '200'),
  one('with a fragment', get('/online#a?b'), '200'),
  one('with two slashes', get('//online'), '404 not_found'),
  one('with a slash behind', get('/online/'), '404 not_found'),
  one('with dots', get('/a/../online'), '404 not_found'),
  one('with a backslash', get('/status\\user'), '404 not_found'),
  one('a letter encoded', get('/%6fnline'), '200'),
  one('slashes encoded', get('/status%2Fuser%2Fu1'), '404 not_found'),
  one('a letter of a parameter encoded', get('/status/user/u%31'), '200'),
  one('a slash in a parameter', get('/status/user/a%2Fb'), '200'),
  one('a null character in a parameter', get('/status/user/%00'), '400 invalid_request'),
  one('a broken code', get('/status/user/%zz'), '400 invalid_request'),
  refused('UTF-8', Buffer.from(get('/status/user/é')), 'nonAscii'),
  refused('a byte beyond ASCII', Buffer.from(get('/status/user/é'), 'latin1'), 'nonAscii'),
  refused('a space', get('/on line'), 'version'),
  refused('no slash', get('online'), 'version'),
  one('of a whole site', get('http://x/online'), '200', 'version'),
  one('OPTIONS *', `OPTIONS * HTTP/1.1\r\n${HOST}\r\n`, '204', 'version'),
  one('CONNECT', `CONNECT x:80 HTTP/1.1\r\n${HOST}\r\n`, 'end', 'version'),
].map((each) => ({ ...each, name: `URL ${each.name}` }));

export const CASES: readonly WireCase[] = [...CONNECTIONS, ...HEADS, ...BODIES, ...URLS];

/** Before a whole request: what may make a server and a proxy disagree on where it begins. */
export const FRAMINGS: ReadonlyMap<string, (next: string) => string> = new Map([
  [
    'two lengths',
    (next: string) => post(`${lengthOf(BEAT)}content-length: ${BEAT.length + next.length}\r\n`, BEAT + next),
  ],
  ['length, and chunks', (next: string) => post(lengthOf(IN_CHUNKS + next) + CHUNKED, IN_CHUNKS + next)],
  ['chunks, and length', (next: string) => post(CHUNKED + lengthOf(IN_CHUNKS + next), IN_CHUNKS + next)],
  ['a coding that is none', (next: string) => post('transfer-encoding: xchunked\r\n', IN_CHUNKS + next)],
  [
    'a space before the colon',
    (next: string) => post(`transfer-encoding : chunked\r\n${lengthOf(IN_CHUNKS + next)}`, IN_CHUNKS + next),
  ],
]);
