/** The view as the address has it, after `#`: a link shares it. Credentials are never in it. */
import { useEffect, useState } from 'preact/hooks';

export const VIEWS = ['now', 'nodes', 'person', 'live'] as const;
export type ViewName = (typeof VIEWS)[number];

export interface Address {
  readonly view: ViewName;
  readonly params: Readonly<Record<string, string>>;
}

export function parse(hash: string): Address {
  const [name, query = ''] = hash.replace(/^#\/?/, '').split('?');
  const view = VIEWS.find((each) => each === name) ?? 'now';
  return { view, params: Object.fromEntries(new URLSearchParams(query)) };
}

/** Parameters that belong to every view. */
const SHARED = ['tz'];

export function hrefOf(view: ViewName, params: Readonly<Record<string, string | undefined>> = {}): string {
  const given = parse(location.hash).params;
  const shared = Object.fromEntries(SHARED.map((name) => [name, given[name]]));
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries({ ...shared, ...params })) if (value) query.set(name, value);
  const text = query.toString();
  return `#/${view}${text && `?${text}`}`;
}

/** @param replace no step for the back button. */
export function go(view: ViewName, params: Readonly<Record<string, string | undefined>> = {}, replace = false): void {
  const href = hrefOf(view, params);
  if (!replace) location.hash = href;
  else {
    history.replaceState(null, '', href);
    dispatchEvent(new HashChangeEvent('hashchange'));
  }
}

export function useAddress(): Address {
  const [address, setAddress] = useState(() => parse(location.hash));
  useEffect(() => {
    const changed = (): void => setAddress(parse(location.hash));
    addEventListener('hashchange', changed);
    return () => removeEventListener('hashchange', changed);
  }, []);
  return address;
}
