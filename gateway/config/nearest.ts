/** Finds what a misspelt name was meant to be. */

const MAX_DISTANCE = 2;
/** Of so short a name two other letters make another word: HOST is not PORT, AUTH is not PATH. */
const SHORT = 5;

/** @returns the name that two letters less, more or changed make of it, if there is one; undefined for a name itself. */
export function nearest(written: string, names: readonly string[]): string | undefined {
  let best: string | undefined;
  let least = MAX_DISTANCE + 1;
  for (const name of names) {
    const bound = name.length <= SHORT ? 1 : MAX_DISTANCE;
    if (Math.abs(name.length - written.length) > bound) continue;
    const distance = distanceOf(written, name);
    if (distance > 0 && distance <= bound && distance < least) {
      least = distance;
      best = name;
    }
  }
  return best;
}

/**
 * A unit or a plural is left out: PING_INTERVAL, TRUSTED_PROXY. Or the name is in lower case, as of a flag, or has the
 * name of this program in front: max_streams, PRESENCE_MAX_STREAMS.
 */
export function meantBy(written: string, names: readonly string[]): string | undefined {
  const name = written.toUpperCase().replaceAll('-', '_');
  const plain = name.replace(/^PRESENCE_(?:GATEWAY_)?/, '');
  const forms = [name, plain, `${name}_MS`, `${name}_S`, name.replace(/Y$/, 'IES')];
  return names.find((known) => known !== written && forms.includes(known)) ?? nearest(name, names);
}

/** Levenshtein's, row by row. */
function distanceOf(a: string, b: string): number {
  let before = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const changed = (before[j - 1] as number) + Number(a[i - 1] !== b[j - 1]);
      row.push(Math.min(changed, (before[j] as number) + 1, (row[j - 1] as number) + 1));
    }
    before = row;
  }
  return before[b.length] as number;
}
