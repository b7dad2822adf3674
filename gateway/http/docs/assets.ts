/** Files that pages are made of, beside this one: the build copies them. */
import { readFileSync } from 'node:fs';

export const assetText = (name: string): string => readFileSync(new URL(`./assets/${name}`, import.meta.url), 'utf8');
