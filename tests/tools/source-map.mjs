/** Mappings of a source map (base64 VLQ): a segment says how far column, source, line and column there move on. */
const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const BITS = 5;
const MORE = 1 << BITS;

function decode(segment) {
  const numbers = [];
  let [value, shift] = [0, 0];
  for (const digit of segment) {
    const bits = DIGITS.indexOf(digit);
    value |= (bits & (MORE - 1)) << shift;
    shift += BITS;
    if (bits & MORE) continue;
    numbers.push(value & 1 ? -(value >> 1) : value >> 1);
    [value, shift] = [0, 0];
  }
  return numbers;
}

function encode(number) {
  let value = number < 0 ? (-number << 1) | 1 : number << 1;
  let text = '';
  do {
    const rest = value >> BITS;
    text += DIGITS[(value & (MORE - 1)) | (rest > 0 ? MORE : 0)];
    value = rest;
  } while (value > 0);
  return text;
}

/** Keeps the first place of each line of the sources. @param shift columns before the code, in its first line. */
export function byLine(mappings, shift) {
  const at = { source: 0, line: 0 };
  const told = { source: 0, line: 0 };
  return mappings
    .split(';')
    .map((line, row) => {
      let [column, toldColumn] = [row === 0 ? shift : 0, 0];
      const kept = [];
      for (const segment of line.split(',').filter(Boolean)) {
        const [columns, sources = 0, lines = 0] = decode(segment);
        column += columns;
        at.source += sources;
        at.line += lines;
        if (kept.length > 0 && at.source === told.source && at.line === told.line) continue;
        kept.push([column - toldColumn, at.source - told.source, at.line - told.line, 0].map(encode).join(''));
        toldColumn = column;
        Object.assign(told, at);
      }
      return kept.join(',');
    })
    .join(';');
}
