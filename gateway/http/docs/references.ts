/** How pages show methods, and which problem codes a response has. */
import { PROBLEM_TYPE } from '../problem.ts';
import type { ApiResponse } from './api-document.ts';
import { type Html, html } from './html.ts';

export const methodBadge = (method: string): Html =>
  html`<span class="method ${method.toLowerCase()}">${method}</span>`;

const refName = (ref = ''): string => ref.slice(ref.lastIndexOf('/') + 1);

/** Problem codes of a response. */
export function codesOf(response: ApiResponse): string[] {
  if (response.$ref !== undefined) return [refName(response.$ref)];
  const schema = response.content?.[PROBLEM_TYPE]?.schema;
  return (schema?.oneOf ?? (schema ? [schema] : [])).map(({ $ref }) => refName($ref));
}
