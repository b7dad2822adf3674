/** Parses the query of a URL. */
import { parse } from 'node:querystring';

/**
 * Names and values as text; a repeated name has a list. Most queries have no `%` or `+` and are only split: for a
 * thousand ids, decoding each character would take most of the time.
 */
export function parseQuery(text: string): Record<string, unknown> {
  if (text.includes('%') || text.includes('+')) return decode(text);
  const query: Record<string, unknown> = Object.create(null);
  for (const part of text.split('&')) {
    const equals = part.indexOf('=');
    const name = equals < 0 ? part : part.slice(0, equals);
    if (name in query) return decode(text);
    if (part !== '') query[name] = equals < 0 ? '' : part.slice(equals + 1);
  }
  return query;
}

/** No more names than a URL can hold. */
const decode = (text: string): Record<string, unknown> => parse(text, '&', '=', { maxKeys: 0 });
