/** What ids, labels and `meta` may be (P13). */
const MAX_ID_LENGTH = 255;
const MAX_ID_BYTES = 512;
/**
 * Rule P13: what may be an id, as the text of a Unicode pattern, in which length counts code points. Of its bytes the
 * pattern says nothing: `isId` checks all.
 */
export const ID_PATTERN = `^(?!\\*$)[\\p{L}\\p{M}\\p{N}\\p{P}\\p{S}]{1,${MAX_ID_LENGTH}}$`;
/** The rule in words that continue "must be". */
export const ID_RULE =
  `1–${MAX_ID_LENGTH} letters, marks, numbers, punctuation or symbols (no white space), at most ${MAX_ID_BYTES} bytes, ` +
  'not * alone';
/** A Unicode pattern: printable, without the separators of keys and packed rows. Length counts code points. */
export const LABEL_PATTERN = '^[^\\p{C}\\p{Zl}\\p{Zp}/|{}]{1,64}$';

const ID = new RegExp(ID_PATTERN, 'u');
/** All of ASCII that is not white space or control. Nearly all ids are of it, and it is checked in a tenth of the time. */
const ASCII_ID = new RegExp(`^[!-~]{1,${MAX_ID_LENGTH}}$`);
const FOREIGN_TO_ASCII_IDS = /[^!-~]/;
const LABEL = new RegExp(LABEL_PATTERN, 'u');

export const MAX_META_FIELDS = 8;
export const MAX_META_BYTES = 512;
/** Bound of `max_streams`, overrides and the default limit (P14). */
export const MAX_LIMIT = 100;

/** User, session, stream and device ids. */
export function isId(value: unknown): value is string {
  if (typeof value !== 'string') return false;
  if (ASCII_ID.test(value)) return value !== '*';
  return ID.test(value) && Buffer.byteLength(value) <= MAX_ID_BYTES;
}

/** Whether all are: one search of the joined text takes a third of the time that one for each of a hundred does. */
export function areIds(values: readonly string[]): boolean {
  const arePlain =
    values.every((value) => value.length > 0 && value.length <= MAX_ID_LENGTH && value !== '*') &&
    !FOREIGN_TO_ASCII_IDS.test(values.join(''));
  return arePlain || values.every(isId);
}

/** Device type, country and state. */
export function isLabel(value: unknown): value is string {
  return typeof value === 'string' && LABEL.test(value);
}

/** At most 8 flat string fields, at most 512 bytes as JSON. */
export function isMeta(value: unknown): value is Record<string, string> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const fields = Object.values(value);
  if (fields.length > MAX_META_FIELDS || !fields.every((field) => typeof field === 'string')) return false;
  return Buffer.byteLength(JSON.stringify(value)) <= MAX_META_BYTES;
}

/** Unit separator: a control character, which no id has. */
const STAND_IN = '\x1f';

/**
 * An id within a text in which `separator` stands between parts: what it has of that itself is a control character there.
 * So no id ends where it should not, one without the separator stays as it is, and none gets longer.
 */
export function escapeId(id: string, separator: string): string {
  return id.includes(separator) ? id.replaceAll(separator, STAND_IN) : id;
}

/** The id of what `escapeId` made. */
export function unescapeId(text: string, separator: string): string {
  return text.includes(STAND_IN) ? text.replaceAll(STAND_IN, separator) : text;
}
