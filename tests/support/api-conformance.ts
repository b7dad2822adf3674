/** Whether answers are what /openapi.json says, by a JSON Schema validator that is not the product's. */
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { ApiDocument, ApiResponse, Operation } from '../../gateway/http/docs/api-document.ts';

export interface Api {
  readonly document: ApiDocument;
  /** Validates against the schema at a JSON pointer, given as its parts. @returns what is wrong, or nothing. */
  faults(pointer: readonly (string | number)[], value: unknown): string | undefined;
  /** @throws Error unless the document knows such an answer to such a request. */
  conforms(method: string, url: string, response: { status: number; headers: Headers }, body: string): void;
}

const known = new Map<string, Api>();

/** Of a running sidecar; the same document is compiled once. */
export async function documentOf(url: string): Promise<Api> {
  const body = await (await fetch(`${url}/openapi.json`)).text();
  const api = known.get(body) ?? createApi(JSON.parse(body) as ApiDocument);
  known.set(body, api);
  return api;
}

const mediaTypeOf = (headers: Headers): string => (headers.get('content-type') ?? '').split(';', 1)[0] as string;

export function createApi(document: ApiDocument): Api {
  const ajv = new Ajv2020({ strict: true, strictSchema: false, allErrors: true });
  ajv.addSchema(document, 'api');

  const faults: Api['faults'] = (pointer, value) => {
    const fragment = pointer.map((part) => String(part).replaceAll('~', '~0').replaceAll('/', '~1')).join('/');
    const ref = `api#/${encodeURI(fragment)}`;
    const validate = ajv.getSchema(ref) ?? ajv.compile({ $ref: ref });
    return validate(value) ? undefined : ajv.errorsText(validate.errors);
  };

  /** A fixed path before one with parameters, as a router has it. */
  function find(method: string, url: string): [string, Operation] | undefined {
    const path = new URL(url, 'http://x').pathname;
    const isMatch = (template: string) => new RegExp(`^${template.replace(/\{\w+\}/g, '[^/]*')}$`).test(path);
    const templates = Object.keys(document.paths).filter(isMatch);
    const template = templates.find((candidate) => !candidate.includes('{')) ?? templates[0];
    const operation = template === undefined ? undefined : document.paths[template]?.[method.toLowerCase()];
    return operation && [template as string, operation];
  }

  function schemaAt(path: string, method: string, status: number, response: ApiResponse, mediaType: string) {
    const inside = ['content', mediaType, 'schema'];
    if (response.$ref !== undefined) return [...response.$ref.split('/').slice(1), ...inside];
    return ['paths', path, method.toLowerCase(), 'responses', status, ...inside];
  }

  return {
    document,
    faults,
    conforms(method, url, { status, headers }, body) {
      const fail = (why: string): never => {
        throw new Error(`not as described: ${method} ${url} was answered ${status} ${body}: ${why}`);
      };
      const [path, operation] = find(method, url) ?? [];
      if (path === undefined || operation === undefined) {
        const wrong = status < 400 ? undefined : faults(['components', 'schemas', 'Problem'], JSON.parse(body));
        if (wrong !== undefined) fail(wrong);
        return;
      }
      const given = operation.responses[status] ?? fail('the status');
      const response = document.components.responses[given.$ref?.split('/').at(-1) ?? ''] ?? given;
      for (const [name, { required }] of Object.entries(response.headers ?? {})) {
        if (required && !headers.has(name)) fail(`no ${name}`);
      }
      const { content } = response;
      if (!content) {
        if (body !== '') fail('a body');
        return;
      }
      const mediaType = mediaTypeOf(headers);
      if (!content[mediaType]) fail(`the content type ${mediaType}`);
      const value = mediaType.endsWith('json') ? JSON.parse(body) : body;
      const wrong = faults(schemaAt(path, method, status, given, mediaType), value);
      if (wrong !== undefined) fail(wrong);
    },
  };
}
