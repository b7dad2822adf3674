/** What a client is told about a field that is not valid. */
import { expect, test } from '@jest/globals';
import { type TSchema, Type } from 'typebox';
import { alternatives } from '../../gateway/alternatives.ts';
import { id, UUID_PATTERN } from '../../gateway/http/fields.ts';
import type { Problem } from '../../gateway/http/problem.ts';
import type { Route } from '../../gateway/http/route.ts';
import { compileCheck } from '../../gateway/http/validation.ts';
import { ID_RULE } from '../../presence-core/index.ts';

function messagesOf(field: TSchema, value: unknown): string[] {
  const body = Type.Object({ field });
  try {
    compileCheck({ schema: { body } } as unknown as Route).run({ params: {}, query: {}, headers: {}, body: value });
    return [];
  } catch (error) {
    return ((error as Problem).members.errors as { path: string; message: string }[]).map(
      ({ path, message }) => `${path} ${message}`,
    );
  }
}

const number = Type.Integer({ minimum: 1, maximum: 100 });

test.each<[TSchema, unknown, string]>([
  [number, 1.5, 'field must be an integer'],
  [number, 'x', 'field must be an integer'],
  [number, 0, 'field must be at least 1'],
  [number, 101, 'field must be at most 100'],
  [Type.Integer({ multipleOf: 60_000 }), 7, 'field must be a multiple of 60000'],
  [Type.Boolean(), 1, 'field must be true or false'],
  [Type.String(), 1, 'field must be a string'],
  [Type.String({ minLength: 1 }), '', 'field must have at least 1 character'],
  [Type.String({ maxLength: 3 }), 'long', 'field must have at most 3 characters'],
  [Type.Array(Type.String()), 'a', 'field must be a list'],
  [Type.Array(Type.String(), { minItems: 1 }), [], 'field must have at least 1 item'],
  [Type.Array(Type.String(), { maxItems: 2 }), ['a', 'b', 'c'], 'field must have at most 2 items'],
  [Type.Array(Type.String()), ['a', 1], 'field.1 must be a string'],
  [Type.Object({}), 'a', 'field must be an object'],
  [Type.Enum(['click', 'impression']), 'x', 'field must be click or impression'],
  [Type.Enum(['a', 'b', 'c']), 'x', 'field must be a, b or c'],
  [Type.Literal(''), 'x', 'field must be empty'],
  [id('User id'), 'a b', `field must be ${ID_RULE}`],
  [id('User id'), '€'.repeat(171), `field must be ${ID_RULE}`],
  [Type.Array(id('User id')), ['a', '€'.repeat(171)], `field.1 must be ${ID_RULE}`],
  [Type.String({ pattern: UUID_PATTERN }), 'x', 'field must be a UUID'],
  [Type.String(), undefined, 'field is required'],
])('%j: %j', (field, value, message) => {
  expect(messagesOf(field, { ...(value !== undefined && { field: value }) })).toEqual([message]);
});

test('a body that is no object is named as a whole', () => {
  expect(messagesOf(Type.String(), ['a'])).toEqual(['body must be an object']);
});

test.each([
  [[], ''],
  [['a'], 'a'],
  [['a', 'b'], 'a or b'],
  [['a', 'b', 'c'], 'a, b or c'],
])('alternatives of %j', (words, text) => {
  expect(alternatives(words)).toBe(text);
});
