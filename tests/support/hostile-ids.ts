/** Ids (P13) that look like something else: separators, escapes, markup, other writing. All are different. */
import fc from 'fast-check';

/** As identity providers give them. */
export const REAL_IDS = [
  'auth0|64f1c9a0b1',
  'google-oauth2|108203',
  'me+tv@example.com',
  "o'brien@example.com",
  'urn:example:users/7',
  'spiffe://example.org/ns/prod/sa/web',
  'repo:octo/app:ref:refs/heads/main',
  'AbC+d/e==',
  '+4915112345',
  'CN=Ann,OU=TV,DC=example',
  'DOMAIN\\ann',
  'https://me.example.com/?a=b&c=d#me',
  'jürgen',
];

const TEXTS = [
  ...['|', '||', 'a|', '|a', 'a|b', '~', 'a~b', 'a~0~1', ',', 'a,b', '%', '%%', '%2C', '%7C', 'a%2Cb', '100%', '%41'],
  ...[
    '{',
    '}',
    '{}',
    '{a}',
    '}:{',
    '{x:1}:u',
    '/',
    '//',
    'a/b',
    ':',
    '::',
    'u:a',
    's:a',
    't',
    '.',
    '..',
    '...',
    '-',
    '--',
  ],
  ...[
    '**',
    '*a',
    'a*',
    '?',
    '[a]',
    '\\',
    '\\n',
    '"',
    '"}',
    '\\"',
    "'",
    '`',
    '$(a)',
    '<b>',
    '&amp;',
    '#',
    ';',
    '!',
    'a!',
  ],
  ...['+', '=', '__proto__', 'constructor', 'null', '0', '07', '7', '1e3', 'NaN', "' OR 1=1--", 'a_b', 'a%b', 'A', 'a'],
  // Composed and not, right to left, marks alone, astral, wide, letters that only look like others.
  ...[
    'é',
    'e\u0301',
    '\u0301',
    'שלום',
    'مرحبا|',
    'a\u05d0b',
    '😀',
    '👩\ufe0f',
    '𝕌',
    '漢字',
    'ａ',
    'а',
    'ß',
    'SS',
    'ı',
    'İ',
  ],
  ...['x'.repeat(255), '|'.repeat(255), '%'.repeat(255), 'ü'.repeat(255), '€'.repeat(170), '😀'.repeat(128)],
];

export const HOSTILE_IDS: readonly string[] = [...REAL_IDS, ...TEXTS.map((text) => text.replaceAll(' ', '_'))];

/** Of a few characters, so that parts of one make another. */
export const hostileId = fc
  .string({ unit: fc.constantFrom(...'ab|:/%,+={}~.*"\\2C7é😀\u05d0'), minLength: 1, maxLength: 6 })
  .filter((id) => id !== '*');

/** These and some more, other ones in each run. */
export function manyHostileIds(more: number): string[] {
  return [...new Set([...HOSTILE_IDS, ...fc.sample(hostileId, more)])];
}
