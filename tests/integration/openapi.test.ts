/** /openapi.json against the table of routes, its checks, and judges that are not ours. */
import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Validator } from '@seriousme/openapi-schema-validator';
import type { Schema } from '../../gateway/http/docs/api-document.ts';
import type { Route } from '../../gateway/http/route.ts';
import { compileCheck, type RequestParts } from '../../gateway/http/validation.ts';
import { VERSION } from '../../gateway/version.ts';
import { MemoryStore } from '../../presence-core/index.ts';
import { type Api, createApi, documentOf } from '../support/api-conformance.ts';
import { startSidecar, type TestSidecar } from '../support/sidecar.ts';
import { apiKeyEntry, hsToken, SECRET } from '../support/tokens.ts';

let sidecar: TestSidecar;
let api: Api;
const TABLE = await tableOf();

async function tableOf(): Promise<readonly Route[]> {
  const started = await startSidecar();
  await started.close();
  return started.routes;
}

beforeAll(async () => {
  sidecar = await startSidecar();
  api = await documentOf(sidecar.url);
});
afterAll(() => sidecar.close());

const templateOf = (path: string): string => path.replaceAll(/:(\w+)/g, '{$1}');

describe('the document', () => {
  test('is OpenAPI 3.1, says an independent validator', async () => {
    const { status, headers, body } = await sidecar.get('/openapi.json');
    expect([status, headers.get('content-type')]).toEqual([200, 'application/json']);
    expect(await new Validator().validate(body)).toEqual({ valid: true });
    const broken = { ...body, paths: { ...body.paths, '/online': { get: { responses: 'none' } } } };
    expect((await new Validator().validate(broken)).valid).toBe(false);
    expect(body.info.version).toBe(VERSION);
    expect(VERSION).toMatch(/^\d+\.\d+\.\d+/);
  });

  test('has the routes of every file', () => {
    const folder = 'gateway/http/routes';
    const listed = readFileSync(`${folder}/index.ts`, 'utf8');
    const files = readdirSync(folder).filter((name) => readFileSync(`${folder}/${name}`, 'utf8').includes(' route({'));
    expect(files.filter((name) => !listed.includes(`'./${name}'`))).toEqual([]);
  });

  test('has each route of the table, and nothing else', () => {
    const described = Object.entries(api.document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(described.sort()).toEqual(TABLE.map(({ method, path }) => `${method} ${templateOf(path)}`).sort());
  });

  test('names each operation once, and refers only to what is there', () => {
    const operations = Object.values(api.document.paths).flatMap((methods) => Object.values(methods));
    const ids = operations.map(({ operationId }) => operationId);
    expect(new Set(ids).size).toBe(ids.length);
    const refs = JSON.stringify(api.document).match(/(?<="\$ref":"#\/)[^"]+/g) ?? [];
    expect(refs.length).toBeGreaterThan(100);
    for (const ref of refs) {
      const target = ref.split('/').reduce<unknown>((at, name) => (at as Record<string, unknown>)[name], api.document);
      expect([ref, typeof target]).toEqual([ref, 'object']);
    }
  });

  test('its own examples satisfy its schemas', () => {
    let examples = 0;
    const walk = (value: unknown, pointer: string[]): void => {
      if (typeof value !== 'object' || value === null) return;
      if ('examples' in value && 'schema' in value) {
        for (const { value: example } of Object.values(value.examples as Record<string, { value: unknown }>)) {
          expect([pointer, api.faults([...pointer, 'schema'], example)]).toEqual([pointer, undefined]);
          examples++;
        }
      }
      for (const [name, inner] of Object.entries(value)) walk(inner, [...pointer, name]);
    };
    walk(api.document.paths, ['paths']);
    expect(examples).toBeGreaterThan(TABLE.length);
  });

  test('says which scope a route needs, and that none is asked for while authentication is off', () => {
    const { paths } = api.document;
    expect(paths['/stats/top']?.get?.security).toEqual([
      {},
      { bearer: ['presence:read'] },
      { apiKey: ['presence:read'] },
    ]);
    expect(paths['/admission']?.post?.security).toHaveLength(5);
    expect(paths['/healthz']?.get?.security).toEqual([]);
  });

  test('says what a list in a query looks like, and how large a body may be', () => {
    const { get, post } = api.document.paths['/status/users'] ?? {};
    expect(get?.parameters).toMatchObject([
      { name: 'ids', in: 'query', required: true, style: 'form', explode: false },
    ]);
    expect(post?.requestBody?.description).toBe('At most 5,200,000 bytes.');
  });
});

describe('every field has a description', () => {
  /** Paths of the fields of a schema, at any depth, that have none. */
  function undescribed({ properties = {}, items, anyOf, oneOf, allOf }: Schema, path: string): string[] {
    const parts = [...(anyOf ?? []), ...(oneOf ?? []), ...(allOf ?? []), ...(items ? [items] : [])];
    return [
      ...parts.flatMap((part) => undescribed(part, path)),
      ...Object.entries(properties).flatMap(([name, field]) => [
        ...(field.description ? [] : [`${path}.${name}`]),
        ...undescribed(field, `${path}.${name}`),
      ]),
    ];
  }

  const OPERATIONS = TABLE.map(({ method, path }) => ({ method, path }));
  const operationAt = ({ method, path }: (typeof OPERATIONS)[number]) => {
    const operation = api.document.paths[templateOf(path)]?.[method.toLowerCase()];
    if (!operation) throw new Error(`${method} ${path} is not described`);
    return operation;
  };

  test('the check finds fields without one', () => {
    const bare = { type: 'integer' };
    const users = { description: 'Users', items: { properties: { userId: bare } } };
    expect(undescribed({ properties: { users, at: bare } }, 'x')).toEqual(['x.users.userId', 'x.at']);
  });

  test.each(OPERATIONS)('in responses of $method $path', (operation) => {
    const { responses } = operationAt(operation);
    const bodies = Object.entries(responses).flatMap(([status, { content = {} }]) =>
      Object.values(content).map(({ schema }) => ({ status, schema })),
    );
    expect(bodies.flatMap(({ status, schema }) => undescribed(schema, status))).toEqual([]);
    const headers = Object.values(responses).flatMap(({ headers: named = {} }) => Object.entries(named));
    expect(headers.filter(([, { description }]) => !description)).toEqual([]);
  });

  test.each(OPERATIONS)('in requests of $method $path', (operation) => {
    const { parameters, requestBody } = operationAt(operation);
    expect(parameters.filter(({ schema }) => !schema.description).map(({ name }) => name)).toEqual([]);
    const bodies = Object.values(requestBody?.content ?? {});
    expect(bodies.flatMap(({ schema }) => undescribed(schema, 'body'))).toEqual([]);
  });

  test('in problems', () => {
    const { schemas, responses } = api.document.components;
    const common = Object.keys(schemas.Problem?.properties ?? {});
    expect(common.length).toBeGreaterThan(5);
    // What each code adds; it repeats `code`, `status` and `title` of Problem with their values.
    const missing = Object.entries(schemas).flatMap(([name, schema]) => undescribed(schema, name));
    const repeated = Object.keys(schemas).flatMap((name) => common.map((field) => `${name}.${field}`));
    const own = missing.filter((path) => path.startsWith('Problem.') || !repeated.includes(path));
    expect(own).toEqual([]);
    const headers = Object.values(responses).flatMap(({ headers: named = {} }) => Object.entries(named));
    expect(headers.filter(([, { description }]) => !description)).toEqual([]);
  });
});

const X = (length: number): string => 'x'.repeat(length);
const TEXTS = ['', 'a', 'a b', 'a/b', 'é', 'a{', '\u200b', '\ud800', '\n', 'a\n', X(64), X(65), X(255), X(256)];
const MORE_TEXTS = [
  '😀'.repeat(64),
  '😀'.repeat(65),
  'click',
  'stream',
  'debug',
  'tv',
  '07',
  '*',
  'a*',
  'auth0|x',
  'שלום',
  '2b9d7c52-5D0e-4c5e-9d8a-3c1f6b7a2e10',
];
const NUMBERS = [0, 1, -1, 1.5, 100, 101, 999, 1_000, 1_001, 60_000, 60_001, 999_999_999_999_999, 1e15];
const LISTS = [[], ['a'], ['a', 'b c'], [1], Array(1_000).fill('a'), Array(1_001).fill('a'), Array(10_001).fill('a')];
const VALUES = [undefined, null, true, {}, ...TEXTS, ...MORE_TEXTS, ...NUMBERS, ...LISTS];
/** As a URL or a header has them. */
const WRITTEN = [undefined, ...TEXTS, ...MORE_TEXTS, ...NUMBERS.map(String), 'a,b', 'a,', `${'a,'.repeat(1_000)}a`];

/** What a text in a query stands for, as the document has it. */
function readAs({ type }: Schema, text: string | undefined): unknown {
  if (text === undefined) return undefined;
  if (type === 'array') return text === '' ? [] : text.split(',');
  return type === 'integer' && /^-?\d+$/.test(text) ? Number(text) : text;
}

describe('what the document says is what is checked', () => {
  const refusedBy = (route: Route, part: keyof RequestParts, value: unknown): boolean => {
    const given = route.examples[0];
    const parts = {
      params: given.params ?? {},
      query: given.query ?? {},
      headers: given.headers ?? {},
      body: given.body,
    };
    // A URL has texts only.
    const written = Object.entries(parts.query).map(([name, entry]) => [name, String(entry)]);
    try {
      compileCheck(route).run({ ...parts, query: Object.fromEntries(written), [part]: value });
      return false;
    } catch {
      return true;
    }
  };
  const without = (fields: object): object =>
    Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));

  test.each(TABLE.filter(({ schema }) => schema.body))('in the body of $method $path', (route) => {
    const pointer = ['paths', templateOf(route.path), route.method.toLowerCase(), 'requestBody', 'content'];
    const base = route.examples[0].body as object;
    const names = Object.keys((route.schema.body as Schema).properties ?? {});
    const bodies = names.flatMap((name) => VALUES.map((value) => without({ ...base, [name]: value })));
    const verdicts = { accepted: 0, refused: 0 };
    for (const body of [...bodies, null, 'text', 1, [], { ...base, unknown: {} }]) {
      const refused = api.faults([...pointer, 'application/json', 'schema'], body) !== undefined;
      expect({ body, refused: refusedBy(route, 'body', body) }).toEqual({ body, refused });
      verdicts[refused ? 'refused' : 'accepted']++;
    }
    expect(Math.min(verdicts.accepted, verdicts.refused)).toBeGreaterThan(1);
  });

  const PLACES = { path: 'params', query: 'query', header: 'headers' } as const;
  const PARAMETERS = TABLE.flatMap((route) => {
    const { properties: params = {} } = (route.schema.params ?? {}) as Schema;
    const { properties: query = {} } = (route.schema.query ?? {}) as Schema;
    const { properties: headers = {} } = (route.schema.headers ?? {}) as Schema;
    const names = { ...params, ...query, ...headers };
    return Object.keys(names).map((name) => ({ name, route, method: route.method, path: route.path }));
  });

  test.each(PARAMETERS.filter(({ name }) => !['accept', 'host'].includes(name)))(
    'in $name of $method $path',
    ({ name, route }) => {
      const operation = api.document.paths[templateOf(route.path)]?.[route.method.toLowerCase()];
      const index = operation?.parameters.findIndex((parameter) => parameter.name === name) ?? -1;
      const parameter = operation?.parameters[index];
      if (!parameter) throw new Error(`${name} is not described`);
      const pointer = ['paths', templateOf(route.path), route.method.toLowerCase(), 'parameters', index, 'schema'];
      const part = PLACES[parameter.in];
      const others = Object.entries(route.examples[0][part] ?? {}).map(([given, value]) => [given, String(value)]);
      for (const text of WRITTEN) {
        // That a user must be named is for the handlers of guards to say: the next test.
        if (text === undefined && part === 'headers') continue;
        const written = part === 'headers' && text && /[^ -~]/.test(text) && text !== '\ud800';
        const fields = without({ ...Object.fromEntries(others), [name]: written ? encodeURIComponent(text) : text });
        const refused =
          text === undefined ? parameter.required : api.faults(pointer, readAs(parameter.schema, text)) !== undefined;
        expect({ text, refused: refusedBy(route, part, fields) }).toEqual({ text, refused });
      }
    },
  );

  test('a guard needs x-user-id', async () => {
    const { parameters = [] } = api.document.paths['/guards']?.post ?? {};
    expect(parameters).toMatchObject([{ name: 'x-user-id', in: 'header', required: true }]);
    expect((await sidecar.request('POST', '/guards', {})).status).toBe(400);
    expect((await sidecar.request('POST', '/guards', {}, { 'x-user-id': 'u' })).status).toBe(200);
  });
});

test('with authentication a token stands for its user', async () => {
  const API_KEYS = apiKeyEntry('backend', 'player', 'key of the backend');
  const guarded = await startSidecar(new MemoryStore(), { AUTH: 'jwt', JWT_SECRET: SECRET, API_KEYS });
  try {
    const { document, faults } = await documentOf(guarded.url);
    const { security, requestBody, 'x-codeSamples': samples } = document.paths['/heartbeat']?.post ?? {};
    expect(security).toEqual([{ bearer: ['presence:player'] }, { apiKey: ['presence:player'] }]);
    expect(requestBody?.required).toBe(false);
    expect(samples?.[0]?.source).toContain('-H "authorization: Bearer $TOKEN"');
    const pointer = ['paths', '/heartbeat', 'post', 'requestBody', 'content', 'application/json', 'schema'];
    expect(faults(pointer, {})).toBeUndefined();
    expect(document.paths['/analytics']?.post?.parameters[1]).toMatchObject({ name: 'user', required: false });
    expect(document.paths['/guards']?.post?.parameters[0]).toMatchObject({ name: 'x-user-id', required: false });
    expect(document.paths['/status/user/{userId}']?.get?.parameters[0]).toMatchObject({ required: true });
    const token = await hsToken({ sub: 'u' });
    const { status } = await guarded.request('POST', '/heartbeat', {}, { authorization: `Bearer ${token}` });
    expect(status).toBe(200);
  } finally {
    await guarded.close();
  }
});

test('an answer that is not described is found out', async () => {
  const { document } = await documentOf(sidecar.url);
  const own = createApi(document);
  const headers = new Headers({ 'content-type': 'application/json', 'x-request-id': 'x' });
  const answer = (status: number, body: object) => () =>
    own.conforms('GET', '/online', { status, headers }, JSON.stringify(body));
  expect(answer(200, { users: 1, sessions: 2 })).not.toThrow();
  expect(answer(200, { users: 1 })).toThrow('sessions');
  expect(answer(409, {})).toThrow('the status');
  headers.delete('x-request-id');
  expect(answer(200, { users: 1, sessions: 2 })).toThrow('x-request-id');
});
