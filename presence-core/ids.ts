/** What ids, labels and `meta` may be (P13). */
const ID_CHARACTERS = 'A-Za-z0-9_.:@-';
const MAX_ID_LENGTH = 128;
/** Rule P13: what may be a name, as the text of a pattern. Checked once, at the edge. */
export const ID_PATTERN = `^[${ID_CHARACTERS}]{1,${MAX_ID_LENGTH}}$`;
/** A Unicode pattern: printable, without the separators of keys and packed rows. Length counts code points. */
export const LABEL_PATTERN = '^[^\\p{C}\\p{Zl}\\p{Zp}/|{}]{1,64}$';

const ID = new RegExp(ID_PATTERN);
const FOREIGN_TO_IDS = new RegExp(`[^${ID_CHARACTERS}]`);
const LABEL = new RegExp(LABEL_PATTERN, 'u');

export const MAX_META_FIELDS = 8;
export const MAX_META_BYTES = 512;
/** Bound of `max_streams`, overrides and the default limit (P14). */
export const MAX_LIMIT = 100;

/** User, session, stream and device ids. */
export function isId(value: unknown): value is string {
  return typeof value === 'string' && ID.test(value);
}

/** Whether all are: one search of the joined text takes a third of the time that one for each of a hundred does. */
export function areIds(values: readonly string[]): boolean {
  return values.every(({ length }) => length > 0 && length <= MAX_ID_LENGTH) && !FOREIGN_TO_IDS.test(values.join(''));
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
