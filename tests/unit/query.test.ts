import { parse } from 'node:querystring';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseQuery } from '../../gateway/http/query.ts';

describe('the query of a URL', () => {
  test('is names and values as text, the last part may be bare', () => {
    expect({ ...parseQuery('ids=a,b&limit=5&click') }).toEqual({ ids: 'a,b', limit: '5', click: '' });
    expect({ ...parseQuery('') }).toEqual({});
    expect({ ...parseQuery('&a=1&&b=x=y&=z') }).toEqual({ a: '1', b: 'x=y', '': 'z' });
  });

  test('what is written with % or + is decoded, and what cannot be does not throw', () => {
    expect({ ...parseQuery('state=New%20York&country=United+States') }).toEqual({
      state: 'New York',
      country: 'United States',
    });
    expect(Object.keys(parseQuery('a=%zz&b=%E0%A4'))).toEqual(['a', 'b']);
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
    const part = fc.string({ unit: fc.constantFrom('a', 'b', '&', '=', ',', '%', '+', '2', '0', '.') });
    fc.assert(fc.property(part, (text) => expect({ ...parseQuery(text) }).toEqual({ ...parse(text) })));
  });
});
