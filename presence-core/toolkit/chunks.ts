/** Divides a list into parts of at most `size`, in order; an empty list is one empty part. */
export function chunks<T>(list: readonly T[], size: number): T[][] {
  if (list.length <= size) return [list as T[]];
  const out: T[][] = [];
  for (let i = 0; i < list.length; i += size) out.push(list.slice(i, i + size));
  return out;
}
