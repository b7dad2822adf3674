import { parse } from 'node:querystring';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { decoded, decodedForm, parseQuery } from '../../gateway/http/query.ts';

describe('the query of a URL', () => {
  test('is names and values as text, the last part may be bare', () => {
    expect({ ...parseQuery('ids=a,b&limit=5&click') }).toEqual({ ids: 'a,b', limit: '5', click: '' });
    expect({ ...parseQuery('') }).toEqual({});
    expect({ ...parseQuery('&a=1&&b=x=y&=z') }).toEqual({ a: '1', b: 'x=y', '': 'z' });
  });

  test('names are decoded, and values stay as they were written', () => {
    expect({ ...parseQuery('user%49d=a%2Cb&a+b=New+York') }).toEqual({ userId: 'a%2Cb', 'a b': 'New+York' });
    expect({ ...parseQuery('a=%zz&b%zz=1') }).toEqual({ a: '%zz' });
  });

  test('a name that comes twice has a list', () => {
    expect({ ...parseQuery('ids=a&ids=b&x=1') }).toEqual({ ids: ['a', 'b'], x: '1' });
  });

  test('names of what every object has are names like others', () => {
    const query = parseQuery('__proto__=1&constructor=2');
    expect(Object.entries(query)).toEqual([
      ['__proto__', '1'],
      ['constructor', '2'],
    ]);
    expect(({} as Record<string, unknown>).constructor).toBe(Object);
  });

  test('is read as Node reads it, however it is written', () => {
    const part = fc.string({ unit: fc.constantFrom('a', 'b', '&', '=', ',', '%41', '+', '%2C', '.') });
    const read = (value: string | string[]): unknown =>
      Array.isArray(value) ? value.map(decodedForm) : decodedForm(value);
    const same = fc.property(part, (text) => {
      const found = Object.entries(parseQuery(text)).map(([name, value]) => [name, read(value)]);
      expect(Object.fromEntries(found)).toEqual({ ...parse(text) });
    });
    fc.assert(same);
  });

  test('what is not percent-encoded UTF-8 is nothing', () => {
    expect(['a+b', '%41', '%', '%zz', '%ff', '%E0%A4'].map(decoded)).toEqual(['a+b', 'A', ...Array(4).fill(undefined)]);
  });
});
