/** Validates requests by the schemas of their route, compiled once at start. Errors name each invalid field. */
import { type TSchema, Type } from 'typebox';
import { Compile } from 'typebox/compile';
import { areIds, ID_PATTERN, isId } from '../../presence-core/index.ts';
import { alternatives } from '../alternatives.ts';
import type { FieldError } from '../sessions/decode.ts';
import { PATTERN_RULES } from './fields.ts';
import { invalidRequest } from './problem.ts';
import { decoded, decodedForm } from './query.ts';
import type { Route } from './route.ts';

/** Returns the value for the handler, and adds what is invalid to `errors`. */
type Check = (value: unknown, errors: FieldError[]) => unknown;

/** Of a list of thousands of invalid ids, only the first few are reported. */
const MAX_ERRORS = 20;

/** An error of TypeBox, as far as it is used here. */
interface SchemaError {
  readonly keyword: string;
  readonly instancePath: string;
  readonly params: unknown;
  readonly message: string;
}

interface ErrorParams {
  readonly type: string;
  readonly limit: number;
  readonly multipleOf: number;
  readonly allowedValues: readonly string[];
  readonly allowedValue: unknown;
  readonly pattern: string | RegExp;
}

const TYPES: Readonly<Record<string, string>> = {
  integer: 'an integer',
  string: 'a string',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
};
const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;

/** What is wrong, in words that continue the name of the field. Undefined: TypeBox's own words do. */
const MESSAGES: Readonly<Record<string, (params: ErrorParams) => string | undefined>> = {
  type: ({ type }) => TYPES[type] && `must be ${TYPES[type]}`,
  minimum: ({ limit }) => `must be at least ${limit}`,
  maximum: ({ limit }) => `must be at most ${limit}`,
  multipleOf: ({ multipleOf }) => `must be a multiple of ${multipleOf}`,
  minItems: ({ limit }) => `must have at least ${counted(limit, 'item')}`,
  maxItems: ({ limit }) => `must have at most ${counted(limit, 'item')}`,
  minLength: ({ limit }) => `must have at least ${counted(limit, 'character')}`,
  maxLength: ({ limit }) => `must have at most ${counted(limit, 'character')}`,
  enum: ({ allowedValues }) => `must be ${alternatives(allowedValues)}`,
  const: ({ allowedValue }) => (allowedValue === '' ? 'must be empty' : `must be ${String(allowedValue)}`),
  // Most readers cannot read a pattern.
  pattern: ({ pattern }) => PATTERN_RULES[String(pattern)] && `must be ${PATTERN_RULES[String(pattern)]}`,
};

function messageOf({ keyword, params, message }: SchemaError): string {
  return MESSAGES[keyword]?.(params as ErrorParams) ?? message;
}

/** @param part name of the part of the request, for an error that is not about one field. */
function fieldErrors(error: SchemaError, part: string): FieldError[] {
  const path = error.instancePath.slice(1).replaceAll('/', '.');
  if (error.keyword === 'required') {
    const { requiredProperties = [] } = error.params as { requiredProperties?: string[] };
    const prefix = path === '' ? '' : `${path}.`;
    return requiredProperties.map((name) => ({ path: prefix + name, message: 'is required' }));
  }
  return [{ path: path === '' ? part : path, message: messageOf(error) }];
}

interface Property {
  readonly type?: string;
  readonly pattern?: string;
  /** Schema of the items of a list. */
  readonly items?: { readonly pattern?: string };
}

const propertiesOf = (schema: TSchema): [string, Property][] =>
  Object.entries((schema as { properties?: Record<string, Property> }).properties ?? {});

const isOneId = ({ pattern }: Property): boolean => pattern === ID_PATTERN;
const isIdList = ({ items }: Property): boolean => items?.pattern === ID_PATTERN;

/** The schema with ids checked by `isId` and `areIds`: faster, and their bytes too; the same schema if it has no ids. */
function withIdChecks(schema: TSchema): TSchema {
  const properties = propertiesOf(schema);
  if (!properties.some(([, property]) => isOneId(property) || isIdList(property))) return schema;
  const checked = properties.map(([name, property]) => {
    const { items, ...bounds } = property;
    if (isOneId(property)) return [name, Type.Refine(Type.String(), isId)];
    return [name, isIdList(property) ? Type.Refine(Type.Array(Type.String(), bounds), areIds) : property];
  });
  return { ...schema, properties: Object.fromEntries(checked) };
}

/** Of ids that have too many bytes, which no pattern can say. */
function tooLongIds(schema: TSchema, value: unknown): FieldError[] {
  const message = MESSAGES.pattern?.({ pattern: ID_PATTERN } as ErrorParams) ?? '';
  return propertiesOf(schema).flatMap(([name, property]) => {
    const given = (value as Record<string, unknown>)[name];
    if (isOneId(property)) return given === undefined || isId(given) ? [] : [{ path: name, message }];
    if (!isIdList(property) || !Array.isArray(given)) return [];
    return given.flatMap((id, i) => (isId(id) ? [] : [{ path: `${name}.${i}`, message }]));
  });
}

function compile(schema: TSchema, part: string): Check {
  const validator = Compile(schema);
  const checked = withIdChecks(schema);
  const accepts = checked === schema ? validator : Compile(checked);
  return (value, errors) => {
    if (accepts.Check(value)) return value;
    const found = validator.Errors(value).flatMap((error) => fieldErrors(error as SchemaError, part));
    errors.push(...(found.length > 0 ? found : tooLongIds(schema, value)));
    return value;
  };
}

type Read = (fields: Record<string, unknown>) => Record<string, unknown>;

const NOT_ENCODED = 'must be percent-encoded UTF-8';

/**
 * Converts texts of a URL to what the schema has: percent-encoded texts, digits to an integer, commas to a list. A list is
 * divided before it is decoded. In an id `+` is itself, as none has a blank.
 * @throws Problem `invalid_request`
 */
function readTexts(schema: TSchema): Read {
  const properties = propertiesOf(schema);
  return (texts) => {
    const values: Record<string, unknown> = {};
    for (const [name, property] of properties) {
      const written = texts[name];
      if (written === undefined) continue;
      const decode = (text: string): string => {
        const value = isOneId(property) || isIdList(property) ? decoded(text) : decodedForm(text);
        if (value === undefined) throw invalidRequest([{ path: name, message: NOT_ENCODED }]);
        return value;
      };
      const { type } = property;
      if (type === 'array') values[name] = written === '' ? [] : listOf(String(written), decode);
      else if (typeof written !== 'string') values[name] = written;
      else if (type === 'integer' && /^-?\d{1,15}$/.test(written)) values[name] = Number(written);
      else values[name] = decode(written);
    }
    return values;
  };
}

function listOf(written: string, decode: (text: string) => string): string[] {
  const items = written.split(',');
  return written.includes('%') ? items.map(decode) : items;
}

/** Headers have ids as a URL has them, as they are made of ASCII. @throws Problem `invalid_request` */
function readHeaders(schema: TSchema): Read {
  const ids = propertiesOf(schema).filter(([, property]) => isOneId(property));
  return (headers) => {
    const values = { ...headers };
    for (const [name] of ids) {
      const written = headers[name];
      if (typeof written !== 'string') continue;
      const value = FOREIGN_TO_HEADERS.test(written) ? undefined : decoded(written);
      if (value === undefined) throw invalidRequest([{ path: name, message: NOT_ENCODED }]);
      values[name] = value;
    }
    return values;
  };
}

/** Servers read other bytes differently. */
const FOREIGN_TO_HEADERS = /[^\x20-\x7e]/;

/** Checks all parts of a request at once. */
export interface RequestCheck {
  /** Names of the headers to read. */
  readonly headerNames: readonly string[];
  /** Reads what a path has from a query instead. @throws Problem `invalid_request` */
  readonly readParams: Read;
  /** @throws Problem `invalid_request` that names every invalid field. */
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
  const asTheyAre: Read = (fields) => fields;
  const readQuery = schema.query ? readTexts(schema.query) : asTheyAre;
  const read = schema.headers ? readHeaders(schema.headers) : asTheyAre;
  return {
    headerNames: schema.headers ? propertiesOf(schema.headers).map(([name]) => name) : [],
    readParams: schema.params ? readTexts(schema.params) : asTheyAre,
    run(parts) {
      const errors: FieldError[] = [];
      const checked = {
        params: params(parts.params, errors),
        query: query(readQuery(parts.query as Record<string, unknown>), errors),
        headers: headers(read(parts.headers as Record<string, unknown>), errors),
        body: body(parts.body, errors),
      };
      if (errors.length > 0) throw invalidRequest(errors.slice(0, MAX_ERRORS));
      return checked;
    },
  };
}
