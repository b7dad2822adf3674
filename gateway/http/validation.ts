/** Schemas compiled once at start; what does not fit is told by field. */
import { type TSchema, Type } from 'typebox';
import { Compile } from 'typebox/compile';
import { areIds, ID_PATTERN } from '../../presence-core/index.ts';
import type { FieldError } from '../sessions/decode.ts';
import { invalidRequest } from './problem.ts';
import type { Route } from './route.ts';

/** Returns the value as the handler gets it, and adds what is wrong to `errors`. */
type Check = (value: unknown, errors: FieldError[]) => unknown;

/** A list of thousands of bad ids is told by its first few. */
const MAX_ERRORS = 20;

interface Found {
  readonly keyword: string;
  /** Of the schema at fault. */
  readonly schemaPath: string;
  readonly instancePath: string;
  readonly params: unknown;
  readonly message: string;
}

/** A pattern means nothing to most readers: its schema says in words what it asks. */
function wordsFor(schema: TSchema, { schemaPath, message }: Found): string {
  let at: unknown = schema;
  for (const name of schemaPath.split('/').slice(1)) at = (at as Record<string, unknown>)[name];
  const { description } = at as { description?: string };
  return description === undefined ? message : `must be ${description}`;
}

function messageOf(schema: TSchema, found: Found): string {
  const { allowedValues } = found.params as { allowedValues?: string[] };
  if (found.keyword === 'enum') return `must be one of ${allowedValues?.join(', ')}`;
  return found.keyword === 'pattern' ? wordsFor(schema, found) : found.message;
}

function describe(schema: TSchema, found: Found, whole: string): FieldError[] {
  const path = found.instancePath.slice(1).replaceAll('/', '.');
  if (found.keyword === 'required') {
    const { requiredProperties = [] } = found.params as { requiredProperties?: string[] };
    const prefix = path === '' ? '' : `${path}.`;
    return requiredProperties.map((name) => ({ path: prefix + name, message: 'is required' }));
  }
  return [{ path: path === '' ? whole : path, message: messageOf(schema, found) }];
}

interface Property {
  readonly type?: string;
  /** Of a list. */
  readonly items?: { readonly pattern?: string };
}

const propertiesOf = (schema: TSchema): [string, Property][] =>
  Object.entries((schema as { properties?: Record<string, Property> }).properties ?? {});

const isIdList = ({ items }: Property): boolean => items?.pattern === ID_PATTERN;

/** The schema without what `areIds` sees at once of a list; itself where there is none. */
function quicker(schema: TSchema): TSchema {
  const properties = propertiesOf(schema);
  if (!properties.some(([, property]) => isIdList(property))) return schema;
  const quick = properties.map(([name, property]) => {
    const { items, ...bounds } = property;
    return [name, isIdList(property) ? Type.Refine(Type.Array(Type.String(), bounds), areIds) : property];
  });
  return { ...schema, properties: Object.fromEntries(quick) };
}

function compile(schema: TSchema, whole: string): Check {
  const validator = Compile(schema);
  const quick = quicker(schema);
  const admits = quick === schema ? validator : Compile(quick);
  return (value, errors) => {
    if (admits.Check(value)) return value;
    const found = validator.Errors(value).flatMap((error) => describe(schema, error as Found, whole));
    errors.push(...(found.length > 0 ? found : [{ path: whole, message: 'is not valid' }]));
    return value;
  };
}

/** Texts of a URL become what the schema has: digits an integer, commas a list. */
function readQuery(schema: TSchema): (query: Record<string, unknown>) => Record<string, unknown> {
  const properties = propertiesOf(schema);
  return (query) => {
    const values: Record<string, unknown> = {};
    for (const [name, { type }] of properties) {
      const written = query[name];
      if (written === undefined) continue;
      if (type === 'integer' && typeof written === 'string' && /^-?\d{1,15}$/.test(written))
        values[name] = Number(written);
      else if (type === 'array') values[name] = written === '' ? [] : String(written).split(',');
      else values[name] = written;
    }
    return values;
  };
}

/** Checks all parts of a request at once. */
export interface RequestCheck {
  /** Names of the headers to read. */
  readonly headerNames: readonly string[];
  /** @throws Problem `invalid_request` naming every field at fault. */
  run(parts: RequestParts): RequestParts;
}

export interface RequestParts {
  readonly params: unknown;
  readonly query: unknown;
  readonly headers: unknown;
  readonly body: unknown;
}

const unchecked: Check = () => undefined;

/** Compiles the schemas of a route. */
export function compileCheck({ schema }: Route): RequestCheck {
  const params = schema.params ? compile(schema.params, 'path') : unchecked;
  const query = schema.query ? compile(schema.query, 'query') : unchecked;
  const headers = schema.headers ? compile(schema.headers, 'headers') : unchecked;
  const body = schema.body ? compile(schema.body, 'body') : unchecked;
  const read = schema.query ? readQuery(schema.query) : (value: Record<string, unknown>) => value;
  return {
    headerNames: schema.headers ? propertiesOf(schema.headers).map(([name]) => name) : [],
    run(parts) {
      const errors: FieldError[] = [];
      const checked = {
        params: params(parts.params, errors),
        query: query(read(parts.query as Record<string, unknown>), errors),
        headers: headers(parts.headers, errors),
        body: body(parts.body, errors),
      };
      if (errors.length > 0) throw invalidRequest(errors.slice(0, MAX_ERRORS));
      return checked;
    },
  };
}
