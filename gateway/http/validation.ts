/** Validates requests by the schemas of their route, compiled once at start. Errors name each invalid field. */
import { type TSchema, Type } from 'typebox';
import { Compile } from 'typebox/compile';
import { areIds, ID_PATTERN } from '../../presence-core/index.ts';
import { alternatives } from '../alternatives.ts';
import type { FieldError } from '../sessions/decode.ts';
import { PATTERN_RULES } from './fields.ts';
import { invalidRequest } from './problem.ts';
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
  /** Schema of the items of a list. */
  readonly items?: { readonly pattern?: string };
}

const propertiesOf = (schema: TSchema): [string, Property][] =>
  Object.entries((schema as { properties?: Record<string, Property> }).properties ?? {});

const isIdList = ({ items }: Property): boolean => items?.pattern === ID_PATTERN;

/** The schema with lists of ids checked by `areIds`, which is faster; the same schema if it has no such list. */
function withFastIdLists(schema: TSchema): TSchema {
  const properties = propertiesOf(schema);
  if (!properties.some(([, property]) => isIdList(property))) return schema;
  const fast = properties.map(([name, property]) => {
    const { items, ...bounds } = property;
    return [name, isIdList(property) ? Type.Refine(Type.Array(Type.String(), bounds), areIds) : property];
  });
  return { ...schema, properties: Object.fromEntries(fast) };
}

function compile(schema: TSchema, part: string): Check {
  const validator = Compile(schema);
  const fast = withFastIdLists(schema);
  const accepts = fast === schema ? validator : Compile(fast);
  return (value, errors) => {
    if (accepts.Check(value)) return value;
    const found = validator.Errors(value).flatMap((error) => fieldErrors(error as SchemaError, part));
    errors.push(...(found.length > 0 ? found : [{ path: part, message: 'is not valid' }]));
    return value;
  };
}

/** Converts texts of a URL to the types of the schema: digits to an integer, commas to a list. */
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
