/** Shows the URL of a database without its password. */
export const REDACTED = '[redacted]';

const UNRESERVED = "(?:[\\w.~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})";
const HOST = '(?:[\\w.-]+|\\[[\\da-fA-F:.]+\\])(?::\\d{1,5})?';
/** Scheme, user, password, and the rest. Only a parameter without a secret is known. */
const URL_FORM = new RegExp(
  `^([a-z][a-z+]*://)(?:(${UNRESERVED}*):(${UNRESERVED}*)@)?(${HOST}(?:,${HOST})*(?:/[\\w.$-]*)?(?:\\?ssl=(?:true|false))?)$`,
);
const NO_URL = /^(?:none|sqlite:[^@]*)$/;

/**
 * Scheme, user, hosts and path stay, the password does not. A text that has any other form, such as one with an
 * unescaped `@` or `:` in the password, might show a part of it elsewhere: of that nothing stays. The same goes for a
 * user without a password, as it may be a password without its colon.
 */
export function withoutPassword(url: string): string {
  if (url === '' || NO_URL.test(url)) return url;
  const [, scheme, user, password, rest] = URL_FORM.exec(url) ?? [];
  if (scheme === undefined) return REDACTED;
  return password === undefined ? `${scheme}${rest}` : `${scheme}${user}:${REDACTED}@${rest}`;
}
