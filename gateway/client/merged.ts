/** The fields of all parts, of later ones before those of earlier ones. An undefined field counts as absent. */
export function merged<T extends object>(...parts: (T | undefined)[]): T {
  const all = {} as T;
  for (const part of parts) for (const name in part) if (part[name] !== undefined) all[name] = part[name];
  return all;
}
