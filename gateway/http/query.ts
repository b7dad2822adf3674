/** Parses the query of a URL, in two steps: what a value stands for depends on its field. */

/** Names, and values as they were written; a repeated name has a list. */
export type WrittenQuery = Record<string, string | string[]>;

export function parseQuery(text: string): WrittenQuery {
  const query: WrittenQuery = Object.create(null);
  for (const part of text.split('&')) {
    if (part === '') continue;
    const equals = part.indexOf('=');
    const name = decodedForm(equals < 0 ? part : part.slice(0, equals));
    const value = equals < 0 ? '' : part.slice(equals + 1);
    // One that cannot be decoded names no field.
    if (name === undefined) continue;
    const known = query[name];
    if (known === undefined) query[name] = value;
    else if (Array.isArray(known)) known.push(value);
    else query[name] = [known, value];
  }
  return query;
}

/** @returns undefined for what is not percent-encoded UTF-8. */
export function decoded(written: string): string | undefined {
  if (!written.includes('%')) return written;
  try {
    return decodeURIComponent(written);
  } catch {
    return undefined;
  }
}

/** The same with `+` for a blank, as forms have it. */
export function decodedForm(written: string): string | undefined {
  return decoded(written.includes('+') ? written.replaceAll('+', ' ') : written);
}
