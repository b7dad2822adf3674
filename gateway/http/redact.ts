/** Makes a request safe to log: removes secrets and limits its length. */

const SECRET_NAME = /token|secret|password|authorization|cookie|jwt|resume|keys?$/i;
/** A bearer token or a JWT, wherever it stands. */
const SECRET_VALUE = /\bBearer +[\w.~+/=-]+|\beyJ[\w-]+\.[\w-]+\.[\w-]*/gi;
const REDACTED = '[redacted]';
const QUERY_FIELD = /([?&;])([^=&;#]*)=[^&;#]*/g;

const MAX_URL = 2_048;
/** In characters of the body's JSON. */
const MAX_BODY = 4_096;

/** @param url path and query; a long one is cut, and then ends with `…`. */
export function redactUrl(url: string): string {
  const redacted = url
    .slice(0, MAX_URL)
    .replace(QUERY_FIELD, (field, separator, name) =>
      SECRET_NAME.test(decoded(name)) ? `${separator}${name}=${REDACTED}` : field,
    )
    .replace(SECRET_VALUE, REDACTED);
  return url.length > MAX_URL ? `${redacted}…` : redacted;
}

/** @returns the body; the beginning of its JSON when it is long. */
export function redactBody(body: unknown): unknown {
  if (body === undefined) return undefined;
  let text: string;
  try {
    text = JSON.stringify(body, (name, value) => (SECRET_NAME.test(name) ? REDACTED : value));
  } catch {
    // Nested too deeply for the stack.
    return '[not shown]';
  }
  const redacted = text.replace(SECRET_VALUE, REDACTED);
  if (redacted.length <= MAX_BODY) return JSON.parse(redacted);
  return `${redacted.slice(0, MAX_BODY)}… (${text.length} characters)`;
}

function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}
