/** The fields of a schema as rows of a table. */
import type { Parameter, Schema } from './api-document.ts';
import { type Html, html } from './html.ts';

export interface Field {
  readonly name: string;
  readonly required: boolean;
  readonly schema: Schema;
  /** Where a request carries it. */
  readonly place?: string;
}

/** `users[].userId` for what lies within: each field of each object, one row each. */
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

function rangeOf(least: number | undefined, most: number | undefined, unit: string): string | undefined {
  const of = (value: number): string => value.toLocaleString('en');
  if (least === undefined) return most === undefined ? undefined : `at most ${of(most)}${unit}`;
  return most === undefined ? `at least ${of(least)}${unit}` : `${of(least)}–${of(most)}${unit}`;
}

function notesOf({ description, minimum, maximum, minItems, maxItems, items, default: absent }: Schema): string {
  const notes = [
    description,
    rangeOf(minimum, maximum, ''),
    rangeOf(minItems, maxItems, ' items'),
    items?.properties ? undefined : items?.description,
    absent === undefined ? undefined : `default ${JSON.stringify(absent)}`,
  ];
  return notes.filter((note) => note !== undefined).join('; ');
}

/** Nothing when there are no fields. */
export function fieldTable(caption: string, fields: readonly Field[]): Html | false {
  if (fields.length === 0) return false;
  const row = ({ name, required, schema, place }: Field) => html`<tr>
<td><code>${name}</code>${required ? '' : html` <small>optional</small>`}</td>
<td>${place !== undefined && html`<small>${place}</small> `}<code>${typeOf(schema)}</code></td>
<td>${notesOf(schema)}</td>
</tr>
`;
  return html`<h4>${caption}</h4>
<table class="fields">
${fields.map(row)}</table>
`;
}
