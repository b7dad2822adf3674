/** What a page hears of its sleep. Elsewhere nothing of it happens: React Native and TV sets call `wake` themselves. */
import { root } from './root.ts';

interface Heard {
  /** The page may have slept, or the network is back. */
  wake(): void;
  /** The page goes to sleep, or away: it may come back from the browser's cache. */
  suspend(): void;
}

interface Page extends Partial<EventTarget> {
  readonly document?: Partial<EventTarget> & { readonly visibilityState?: string };
}

/** @returns a function that stops listening. */
export function listenToPage({ wake, suspend }: Heard): () => void {
  const page = root as Page;
  const { document } = page;
  const seen = (): void => {
    if (document?.visibilityState === 'visible') wake();
  };
  const all: [Partial<EventTarget> | undefined, string, () => void][] = [
    [page, 'online', wake],
    [page, 'pageshow', wake],
    [page, 'pagehide', suspend],
    [document, 'visibilitychange', seen],
    [document, 'resume', wake],
    [document, 'freeze', suspend],
  ];
  for (const [target, name, listener] of all) target?.addEventListener?.(name, listener);
  return () => {
    for (const [target, name, listener] of all) target?.removeEventListener?.(name, listener);
  };
}
