/**
 * What a change carries in `meta`, so that whoever is told of it can judge it without asking anybody: its number in the
 * session, how many before it were surely made, and when it was due.
 */
export interface Mark {
  /** Counts the changes of a session that were tried, from 1. */
  readonly n: number;
  /** How many of those before it were answered, so that each watcher must have been told of as many. */
  readonly sure: number;
  /** By `nowMs`. */
  readonly dueMs: number;
}

const FIELD = 'load';
const US_PER_MS = 1_000;

export const markMeta = ({ n, sure, dueMs }: Mark): Record<string, string> => ({
  [FIELD]: `${n} ${sure} ${Math.round(dueMs * US_PER_MS)}`,
});

export function markOf(meta: Readonly<Record<string, string>> | undefined): Mark | undefined {
  const [n, sure, dueUs] = meta?.[FIELD]?.split(' ').map(Number) ?? [];
  if (n === undefined || sure === undefined || dueUs === undefined) return undefined;
  return { n, sure, dueMs: dueUs / US_PER_MS };
}
