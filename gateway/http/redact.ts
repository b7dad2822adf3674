/**
 * Makes a request safe to log: removes secrets and limits its length. Works on values, never on JSON text, in which an
 * escape and what follows it can look like a word. Its cost is that of one look at what is shown.
 */

const SECRET_NAME = /token|secret|password|authorization|cookie|jwt|resume|keys?$/i;
/** Whatever stands between the two, also in a URL: any escape there. */
const BEARER = /\bbearer(?:\s|%[\da-f]{2}|\+)+[\w.~+/=-]+/gi;
/** What a token may be made of, without an end in between: so each character is looked at once. */
const RUN = /[\w.~+/=-]+/g;
/** A JWT begins with `{"` in base64; the rest of a cut one is not shown either. */
const JWT_START = 'eyJ';
const JWT_MIN = 16;
const REDACTED = '[redacted]';
const NOT_SHOWN = '[not shown]';
const QUERY_FIELD = /([?&;])([^?=&;#]*)=[^&;#]*/g;

const MAX_URL = 2_048;
/** Characters of a body's names and texts that are shown. */
const MAX_BODY = 4_096;
/** What a number, a brace or a comma counts for. */
const SMALL = 4;
const MAX_DEPTH = 32;
const CUT = '…';

/** @param url path and query; a long one is cut, and then ends with `…`. */
export function redactUrl(url: string): string {
  const fields = url
    .slice(0, MAX_URL)
    .replace(QUERY_FIELD, (field, separator, name) =>
      SECRET_NAME.test(decoded(name)) ? `${separator}${name}=${REDACTED}` : field,
    );
  return url.length > MAX_URL ? `${withoutTokens(fields)}${CUT}` : withoutTokens(fields);
}

/** @returns a copy without secrets; of a long body the beginning, with `…` where it is cut. Never throws. */
export function redactBody(body: unknown): unknown {
  return copyOf(body, { left: MAX_BODY }, 0);
}

/** Without bearer tokens and JWTs, wherever they stand. */
function withoutTokens(text: string): string {
  return text.replace(BEARER, REDACTED).replace(RUN, (run) => {
    const start = run.indexOf(JWT_START);
    return start < 0 || run.length - start < JWT_MIN ? run : `${run.slice(0, start)}${REDACTED}`;
  });
}

interface Budget {
  left: number;
}

function copyOf(value: unknown, budget: Budget, depth: number): unknown {
  if (typeof value === 'string') return shown(value, budget);
  budget.left -= SMALL;
  if (typeof value !== 'object' || value === null) return value;
  if (depth >= MAX_DEPTH) return NOT_SHOWN;
  if (Array.isArray(value)) {
    const items: unknown[] = [];
    for (const item of value) {
      if (budget.left <= 0) {
        items.push(CUT);
        break;
      }
      items.push(copyOf(item, budget, depth + 1));
    }
    return items;
  }
  const fields: [string, unknown][] = [];
  for (const name in value) {
    if (budget.left <= 0) {
      fields.push([CUT, CUT]);
      break;
    }
    const label = shown(name, budget);
    const field = (value as Record<string, unknown>)[name];
    fields.push([label, SECRET_NAME.test(name) ? REDACTED : copyOf(field, budget, depth + 1)]);
  }
  // Also a field of the name __proto__ is only a field.
  return Object.fromEntries(fields);
}

function shown(text: string, budget: Budget): string {
  const { left } = budget;
  budget.left -= text.length + SMALL;
  if (text.length <= left) return withoutTokens(text);
  return `${withoutTokens(text.slice(0, Math.max(0, left)))}${CUT}`;
}

function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}
