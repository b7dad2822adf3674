/** The query of a URL. */
import { parse } from 'node:querystring';

/**
 * Names and values as text; a name that comes twice has a list. Most queries hold nothing written by `%` or `+`, and
 * are only cut: of a thousand ids, looking at each character would be the greater part of reading them.
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
