/** Tables of fields in /docs. */
import type { Parameter, Schema } from './api-document.ts';
import { type Html, html } from './html.ts';

export interface Field {
  readonly name: string;
  readonly required: boolean;
  readonly schema: Schema;
  /** Part of the request: path, query, header or body. */
  readonly place?: string;
}

/** All fields of a schema, one row each; nested ones are named like `users[].userId`. */
export function fieldsOf(schema: Schema, place?: string, prefix = ''): Field[] {
  const { properties = {}, required = [] } = schema;
  return Object.entries(properties).flatMap(([name, field]) => [
    {
      name: prefix + name,
      required: required.includes(name),
      schema: field,
      ...(place !== undefined && { place }),
    },
    ...fieldsOf(field.items ?? field, place, `${prefix}${name}${field.items ? '[]' : ''}.`),
  ]);
}

export function parameterField({ name, required, schema, in: place }: Parameter): Field {
  return { name, required, schema, place };
}

function typeOf({ type, enum: values, const: only, items, anyOf }: Schema): string {
  if (only !== undefined) return JSON.stringify(only);
  if (values) return values.map((value) => JSON.stringify(value)).join(' | ');
  if (anyOf) return anyOf.map(typeOf).join(' | ');
  return items ? `${typeOf(items)}[]` : (type ?? 'any');
}

function rangeOf(min: number | undefined, max: number | undefined, unit: string): string | undefined {
  const of = (value: number): string => value.toLocaleString('en');
  if (min === undefined) return max === undefined ? undefined : `at most ${of(max)}${unit}`;
  return max === undefined ? `at least ${of(min)}${unit}` : `${of(min)}–${of(max)}${unit}`;
}

function notesOf({ description, minimum, maximum, minItems, maxItems, items, default: fallback }: Schema): string {
  const notes = [
    description,
    rangeOf(minimum, maximum, ''),
    rangeOf(minItems, maxItems, ' items'),
    items?.description === undefined ? undefined : `each: ${items.description}`,
    fallback === undefined ? undefined : `default ${JSON.stringify(fallback)}`,
  ];
  return notes.filter((note) => note !== undefined).join('; ');
}

/**
 * False when there are no fields.
 * @param level of its heading
 */
export function fieldTable(caption: string, fields: readonly Field[], level: 3 | 4 = 4): Html | false {
  if (fields.length === 0) return false;
  const row = ({ name, required, schema, place }: Field) => html`<tr>
<th scope="row"><code>${name}</code>${required ? '' : html` <small>optional</small>`}</th>
<td>${place !== undefined && html`<small>${place}</small> `}<code>${typeOf(schema)}</code></td>
<td>${notesOf(schema)}</td>
</tr>
`;
  return html`<h${level} class="caption">${caption}</h${level}>
<table class="fields" aria-label="${caption}">
<tbody>
${fields.map(row)}</tbody>
</table>
`;
}
